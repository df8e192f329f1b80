"""Counting the tensors as large as a batch that are alive at once."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveStates(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While active, counts live tensors of at least so many bytes; views count once.

    Attributes:
        peak: the most that were alive at once.
    """

    def __init__(self, nbytes: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.nbytes = nbytes
        self.peak: int = 0
        self._alive: Counter[int] = Counter()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Do what was asked for, and note which tensors came of it."""
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and tensor.untyped_storage().nbytes() >= self.nbytes:
                storage = tensor.untyped_storage().data_ptr()
                self._alive[storage] += 1
                weakref.finalize(tensor, self._forget, storage)
        self.peak = max(self.peak, len(self._alive))
        return result

    def _forget(self, storage: int) -> None:
        self._alive[storage] -= 1
        if not self._alive[storage]:
            del self._alive[storage]
