"""The context components are loaded in: device, precision, cache, access to datasets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorebench.errors import UserError
from scorebench.running.cache import ArrayCache, Arrays, default_folder
from scorebench.running.fingerprint import data_digest, describe

if TYPE_CHECKING:
    import torch

    from scorebench.plugin.component import ComponentSpec
    from scorebench.plugin.contracts import Data
    from scorebench.plugin.host import Host


@dataclass(frozen=True)
class Context:
    """What a component may know when it is loaded.

    Args:
        device: where tensors live, e.g. ``"cpu"`` or ``"cuda:1"``.
        dtype: floating-point precision of models, e.g. ``"float32"``.
        default_dataset: the suite's dataset, for components that are fitted to it.
        host: finds the datasets that parameters name.
        cache_dir: where fitted parameters and reference statistics are kept.
    """

    device: torch.device | str = "cpu"
    dtype: torch.dtype | str = "float32"
    default_dataset: ComponentSpec | None = None
    host: Host | None = None
    cache_dir: Path = field(default_factory=default_folder)

    def __post_init__(self) -> None:
        import torch

        dtype = getattr(torch, self.dtype, None) if isinstance(self.dtype, str) else self.dtype
        if not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
            raise UserError(f"{self.dtype} is not a floating-point dtype; try float32")
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "device", torch.device(self.device))

    @cached_property
    def arrays(self) -> ArrayCache:
        """The cache itself, for what depends on more than ``cached`` knows."""
        return ArrayCache(self.cache_dir)

    @cached_property
    def _datasets(self) -> dict[str, Data]:
        return {}

    def dataset(self, spec: ComponentSpec | None = None) -> Data:
        """The dataset that ``spec`` names, or the suite's own; loaded once.

        Raises:
            UserError: there is none to fall back to, or it can't be loaded.
        """
        from scorebench.plugin.host import default_host

        chosen = spec or self.default_dataset
        if chosen is None:
            raise UserError("no dataset is given: name one, e.g. dataset: digits")
        component = (self.host or default_host()).build("dataset", chosen.name, chosen.parameters)
        key = repr(component)
        if key not in self._datasets:
            self._datasets[key] = component.load(self)
        return self._datasets[key]

    def cached(self, component: Any, data: Data | None, compute: Callable[[], Arrays]) -> Arrays:
        """Arrays that depend on a component, its source and a dataset alone, kept across runs."""
        key = [describe(component), None if data is None else data_digest(data)]
        return self.arrays.get(key, compute)
