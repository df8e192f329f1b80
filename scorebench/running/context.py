"""The context components are loaded in: device, precision, cache, access to datasets."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from scorebench.errors import UserError
from scorebench.plugin.host import Host, default_host
from scorebench.running.cache import ArrayCache, Arrays, default_folder
from scorebench.running.fingerprint import (
    data_digest,
    describe,
    local_modules,
    modules,
    source_digest,
)

if TYPE_CHECKING:
    from scorebench.plugin.component import ComponentSpec
    from scorebench.plugin.contracts import Data


class Context:
    """What a component may know when it is loaded.

    Args:
        device: where tensors live, e.g. ``"cpu"`` or ``"cuda:1"``.
        dtype: floating-point precision of models, e.g. ``"float32"``.
        default_dataset: the suite's dataset, for components that are fitted to it.
        host: finds the datasets that parameters name; that of installed plugins unless given.
        cache_dir: where fitted parameters and reference statistics are kept.

    Raises:
        UserError: ``dtype`` isn't a floating-point dtype.
    """

    def __init__(
        self,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | str = "float32",
        default_dataset: ComponentSpec | None = None,
        host: Host | None = None,
        cache_dir: Path | None = None,
    ) -> None:
        named = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
        if not (isinstance(named, torch.dtype) and named.is_floating_point):
            raise UserError(f"{dtype} is not a floating-point dtype; try float32")
        self.device = torch.device(device)
        self.dtype = named
        self.default_dataset = default_dataset
        self.host = host or default_host()
        self.cache_dir = cache_dir or default_folder()

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
        chosen = spec or self.default_dataset
        if chosen is None:
            raise UserError("no dataset is given: name one, e.g. dataset: digits")
        key = f"{chosen.name} {chosen.parameters!r}"
        if key not in self._datasets:
            self._datasets[key] = self.build(chosen).load(self)
        return self._datasets[key]

    def in_precision(self, dtype: torch.dtype) -> Context:
        """The same context in another precision; what it has loaded is shared."""
        other = copy.copy(self)
        other.dtype = dtype
        return other

    def build(self, spec: ComponentSpec) -> Any:
        """The component that a parameter names, validated but not loaded.

        Raises:
            UnknownComponentError, ParameterError, PluginError: as ``scorebench.build``.
        """
        return self.host.build(spec.kind, spec.name, spec.parameters)

    @cached_property
    def _sources(self) -> dict[str, str]:
        return {}

    def _source(self, module: str) -> str:
        if module not in self._sources:
            self._sources[module] = source_digest(module)
        return self._sources[module]

    def content(self, component: Any) -> Any:
        """What decides a component's numbers beside its code, as JSON: parameters and identity.

        Files and datasets stand for their content, so that other places of them are the same.

        Raises:
            UserError: what a parameter names isn't there.
        """

        def named(spec: ComponentSpec) -> Any:
            if spec.kind == "dataset":
                return data_digest(self.dataset(spec))
            return [spec.name, self.content(self.build(spec))]

        described = describe(component, source=self._source, named=named)
        identity = component.identity(self) if hasattr(component, "identity") else None
        return [described["parameters"], identity]

    def describe_named(self, spec: ComponentSpec) -> Any:
        """What the component that a parameter names is, as JSON; of a dataset the data as well."""
        described = self.describe(self.build(spec))
        return [described, data_digest(self.dataset(spec))] if spec.kind == "dataset" else described

    def describe(self, component: Any) -> dict[str, Any]:
        """What a component is, as JSON; sources are read once, a dataset stands for its data.

        A component with a method ``identity(context)`` says by it, as JSON, what else decides its
        numbers.

        Raises:
            UserError: what a parameter names isn't there.
        """
        described = describe(component, source=self._source, named=self.describe_named)
        if hasattr(component, "identity"):
            described["identity"] = component.identity(self)
        return described

    def check_sources(self, components: Iterable[Any]) -> None:
        """Make sure that what was described is what has run.

        Raises:
            UserError: the source of a component, or of a module it imports, was edited meanwhile.
        """
        names = frozenset[str]().union(*map(modules, components))
        known = self._unchanged.get(names)
        if known is not None and all(_stamp(path) == stamp for path, stamp in known.items()):
            return
        files = {str(path) for name in names for path in local_modules(name).values()}
        stamps = {path: _stamp(path) for path in files}
        for module in names:
            if source_digest(module) != self._source(module):
                raise UserError(f"the source of {module} was edited during the run; start again")
        self._unchanged[names] = stamps

    @cached_property
    def _unchanged(self) -> dict[frozenset[str], dict[str, tuple[int, int] | None]]:
        """For modules last checked together, the files they consist of, and when these changed."""
        return {}

    def cached(self, component: Any, data: Data | None, compute: Callable[[], Arrays]) -> Arrays:
        """Arrays that depend on a component, its source and a dataset alone, kept across runs."""
        key = [self.describe(component), None if data is None else data_digest(data)]
        return self.arrays.get(key, compute)


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
