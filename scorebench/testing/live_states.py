"""Counting the tensors of a state's size that a sampler holds at once."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from scorebench.plugin.contracts import Noise, Sampler, ScoreModel
from scorebench.testing.exact_models import CPU
from scorebench.testing.levels import levels_for


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


@dataclass
class Shrinking(ScoreModel):
    """A model whose every answer costs one tensor, or a number a sample."""

    event_shape: tuple[int, ...] = (4096,)
    device: torch.device = CPU
    dtype: torch.dtype = torch.float32

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x / 2

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x * -(0.5 / max(float(sigma), 1.0) ** 2)

    def log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x[:, 0].clone()


class SameNoise(Noise):
    """Ones, or halves: what a sampler draws doesn't matter to what it holds."""

    def normal(self) -> Tensor:
        return torch.ones(2, 4096)

    def uniform(self) -> Tensor:
        return torch.full((2, 4096), 0.5)


def states_alive(sampler: Sampler, n: int) -> int:
    """The most tensors of a state's size that are alive at once on a walk down ``n`` levels."""
    model = Shrinking()
    with torch.no_grad(), LiveStates(2 * 4096 * 4) as counted:
        for _ in sampler.trajectory(model, levels_for(sampler, n), SameNoise()):
            pass
    return counted.peak  # type: ignore[no-any-return]
