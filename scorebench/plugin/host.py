"""The plugin host: finds plugins, names the broken ones, and builds components.

pluggy does the discovery and nothing else. A plugin that can't be imported, misspells a hook or
registers nothing is kept as a ``BrokenPlugin`` and never disturbs who doesn't use it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pluggy

from scorebench.errors import (
    ParameterError,
    PluginError,
    UnknownComponentError,
    UserError,
    did_you_mean,
)
from scorebench.plugin import hookspecs, parameters
from scorebench.plugin.component import KINDS, Component, Kind
from scorebench.plugin.contracts import Metric, Sampler
from scorebench.plugin.importing import import_file, in_one_line

ENTRY_POINTS = "scorebench"
METHODS: Mapping[Kind, tuple[str, ...]] = {
    "score_model": ("load",),
    "noise_schedule": ("sigmas",),
    "sampler": ("trajectory",),
    "dataset": ("load",),
    "feature_extractor": ("load",),
    "metric": ("prepare", "compute"),
}
# Kinds of which the harness calls more than a component must write itself.
BASES: Mapping[Kind, type] = {"sampler": Sampler, "metric": Metric}


@dataclass(frozen=True)
class Installed:
    """A component and the plugin it comes from."""

    component: Component
    origin: str


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that couldn't be used: its origin and one line that says why."""

    origin: str
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.origin}: {self.reason}"


@dataclass
class Host:
    """The components of a set of plugins.

    Attributes:
        broken: the plugins that couldn't be used, and why.
    """

    broken: list[BrokenPlugin] = field(default_factory=list)
    _found: dict[tuple[Kind, str], list[Installed]] = field(default_factory=dict)
    _seen: dict[str | Path, None] = field(default_factory=dict)

    def load_entry_points(self) -> None:
        """Use every installed plugin of the entry-point group ``scorebench``."""
        for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
            distribution = entry.dist.name if entry.dist is not None else "unknown"
            origin = f"{entry.name} ({distribution}: {entry.value})"
            self._use(origin, origin, entry.load)

    def load_paths(self, paths: Iterable[Path]) -> None:
        """Use plugin files; a folder stands for the Python files in it.

        Raises:
            UserError: a path doesn't exist or isn't a plugin file.
        """
        for path in paths:
            for file in _files(path):
                target = file.resolve()
                self._use(str(file), target, functools.partial(import_file, target))

    @property
    def files(self) -> list[Path]:
        """The plugin files that were loaded, in this order."""
        return [seen for seen in self._seen if isinstance(seen, Path)]

    def components(self, kind: Kind) -> dict[str, Installed]:
        """The components of a kind by name; a name claimed twice is shown once."""
        return {n: found[0] for (k, n), found in sorted(self._found.items()) if k == kind}

    def find(self, kind: Kind, name: str) -> type:
        """The class of a component.

        Raises:
            UnknownComponentError: there is none of that kind or name; names the nearest, and the
                plugins that couldn't be used, since one of them may hold it.
            PluginError: two plugins claim the name, or the class breaks its contract.
        """
        found = self._found.get((kind, name), [])
        if kind not in KINDS:
            raise UnknownComponentError(f"unknown kind {kind!r}{did_you_mean(kind, KINDS)}")
        if not found:
            label = kind.replace("_", " ")
            hint = did_you_mean(name, self.components(kind))
            blame = "".join(f" [{broken}]" for broken in self.broken)
            raise UnknownComponentError(f"unknown {label} {name!r}{hint}{blame}")
        if len(found) > 1:
            origins = " and ".join(i.origin for i in found)
            raise PluginError(f"{kind} {name!r} is registered twice: by {origins}")
        return self._checked(kind, found[0])

    def build(self, kind: Kind, name: str, values: Mapping[str, Any]) -> Any:
        """A component with validated parameters.

        Raises:
            UnknownComponentError, PluginError: as ``find``.
            ParameterError: an unknown parameter, a wrong type or a value out of bounds.
        """
        component, problems = parameters.build(self.find(kind, name), values)
        if problems:
            told = "; ".join(f"{p}: {m}" if p else m for p, m in problems)
            raise ParameterError(f"{kind.replace('_', ' ')} {name}: {told}")
        return component

    def _checked(self, kind: Kind, installed: Installed) -> type:
        component, origin = installed.component, installed.origin
        try:
            cls: type = _guarded(lambda: _resolve(kind, component))
        except PluginError as error:
            raise PluginError(
                f"{kind} {component.name!r} of plugin {origin} can't be used: {error}"
            ) from error
        return cls

    def _use(self, origin: str, identity: str | Path, load: Callable[[], object]) -> None:
        """Take what a plugin registers, once, however it is spelt."""
        if identity in self._seen:
            return
        self._seen[identity] = None
        try:
            records = _guarded(lambda: _records(load()))
        except PluginError as error:
            self.broken.append(BrokenPlugin(origin, str(error)))
            return
        for kind, component in records:
            self._found.setdefault((kind, component.name), []).append(Installed(component, origin))


def _resolve(kind: Kind, component: Component) -> type:
    """A component's class; raises PluginError where it breaks its contract."""
    cls = component.resolve()
    if "<locals>" in cls.__qualname__:  # all that a factory makes would share results
        raise PluginError(f"{cls.__qualname__} must be defined at the top level of its module")
    parameters.parameters_of(cls)
    if not issubclass(cls, BASES.get(kind, object)):
        base = BASES[kind].__name__
        raise PluginError(f"{cls.__qualname__} must derive from scorebench.{base}")
    missing = [m for m in METHODS[kind] if not callable(getattr(cls, m, None))]
    for method in [*missing, *sorted(getattr(cls, "__abstractmethods__", ()))]:
        raise PluginError(f"{cls.__qualname__} has no method {method}")
    return cls


def _guarded(call: Callable[[], Any]) -> Any:
    """What a plugin's code returns; what it prints is dropped, what it raises is a PluginError."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit, and what binary modules derive from no Exception
        raise PluginError(in_one_line(error)) from error


def _files(path: Path) -> list[Path]:
    """The plugin files that a path stands for."""
    try:
        if path.is_dir():
            files = sorted(p for p in path.glob("*.py") if not p.name.startswith("_"))
            if (path / "__init__.py").is_file():
                files = [path / "__init__.py"]
            if not files:
                raise UserError(f"plugin folder {path} holds no Python file")
            return files
        if path.suffix == ".py" and path.is_file():
            return [path]
    except OSError as error:
        raise UserError(f"plugin {path}: {error.strerror}") from None
    raise UserError(f"plugin {path} is not a Python file or a folder of them")


def _records(plugin: object) -> list[tuple[Kind, Component]]:
    """Everything a plugin registers; raises PluginError where it breaks the rules."""
    manager = pluggy.PluginManager("scorebench")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    marked = {name for name in dir(plugin) if manager.parse_hookimpl_opts(plugin, name) is not None}
    for name in sorted(marked - hookspecs.HOOKS.keys()):
        raise PluginError(f"unknown hook {name}{did_you_mean(name, hookspecs.HOOKS)}")
    for name in hookspecs.HOOKS:
        if name not in marked and callable(getattr(plugin, name, None)):
            raise PluginError(f"{name} lacks @scorebench.hookimpl")
    if not marked:
        raise PluginError("registers nothing: it implements no hook")
    records: list[tuple[Kind, Component]] = []
    for hook, kind in hookspecs.HOOKS.items():
        for components in getattr(manager.hook, hook)():
            if not isinstance(components, Iterable):
                raise PluginError(f"{hook} gave {components!r}, not a list of components")
            for component in components:
                if not isinstance(component, Component):
                    raise PluginError(f"{hook} gave {component!r}, not a scorebench.Component")
                records.append((kind, component))
    if not records:
        raise PluginError(f"registers nothing: {', '.join(sorted(marked))} gave no component")
    return records


def host_for(paths: Iterable[Path] = ()) -> Host:
    """A host with the installed plugins, those of ``SCOREBENCH_PLUGINS``, and ``paths``."""
    host = Host()
    host.load_entry_points()
    named = [Path(p) for p in os.environ.get("SCOREBENCH_PLUGINS", "").split(os.pathsep) if p]
    try:
        host.load_paths(named)
    except UserError as error:
        raise UserError(f"SCOREBENCH_PLUGINS: {error}") from None
    host.load_paths(paths)
    return host


@functools.cache
def default_host() -> Host:
    """The host of installed plugins and those of ``SCOREBENCH_PLUGINS``, made once."""
    return host_for()
