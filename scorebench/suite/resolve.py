"""From names and values in a suite to validated components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scorebench.errors import PluginError, UserError, did_you_mean
from scorebench.plugin import parameters
from scorebench.plugin.component import ComponentSpec, Kind
from scorebench.plugin.host import Host
from scorebench.plugin.importable import Importable
from scorebench.plugin.parameters import brief
from scorebench.suite.yaml import Document, Location


@dataclass(frozen=True)
class Chosen:
    """A component chosen by a suite.

    Attributes:
        name: its name.
        given: the parameters the suite gives, validated.
        component: the component, with all its parameters.
    """

    name: str
    given: Mapping[str, Any]
    component: Any

    @property
    def spec(self) -> ComponentSpec:
        """The same choice as a reference by name."""
        return ComponentSpec(self.name, self.given)


@dataclass(frozen=True)
class Alternative:
    """One component of a block's axis: fixed values, and parameters that are axes themselves."""

    name: str
    cls: type
    fixed: Mapping[str, Any]
    axes: Mapping[str, list[Any]]
    location: Location


@dataclass(frozen=True)
class Resolver:
    """Finds and validates components; mistakes are reported to the document.

    Relative paths in a suite are relative to ``folder``, that of the suite file.
    """

    host: Host
    document: Document
    folder: Path

    def single(self, kind: Kind, value: Any, location: Location) -> Chosen | None:
        """A component that can't be swept."""
        alternative = self._alternative(kind, value, location, sweep=False)
        return None if alternative is None else self.choose(alternative, {})

    def optional(self, kind: Kind, value: Any, location: Location) -> Chosen | None:
        """As ``single``, or None where nothing is given."""
        return None if value is None else self.single(kind, value, location)

    def alternatives(self, kind: Kind, value: Any, location: Location) -> list[Alternative]:
        """An axis of components: one, or a list of them."""
        if not isinstance(value, list):
            found = self._alternative(kind, value, location, sweep=True)
            return [] if found is None else [found]
        if not value:
            self.document.report(location, "an empty list sweeps over nothing")
        items = (
            self._alternative(kind, item, (*location, i), sweep=True)
            for i, item in enumerate(value)
        )
        return [item for item in items if item is not None]

    def choose(self, alternative: Alternative, values: Mapping[str, Any]) -> Chosen | None:
        """The component at given values of its axes."""
        given = {**alternative.fixed, **values}
        component, problems = parameters.build(alternative.cls, given)
        for name, message in problems:
            place = (*alternative.location, name) if name else alternative.location
            self.document.report(place, message)
        return None if problems else Chosen(alternative.name, given, component)

    def _alternative(
        self, kind: Kind, value: Any, location: Location, *, sweep: bool
    ) -> Alternative | None:
        try:
            spec = ComponentSpec.parse(value)
        except ValueError as error:
            self.document.report(location, f"{error}, got {brief(value)}")
            return None
        try:
            cls = self.host.find(kind, spec.name)
        except (UserError, PluginError) as error:
            place = (*location, "name") if isinstance(value, Mapping) else location
            self.document.report(place, str(error))
            return None
        known = parameters.parameters_of(cls)
        fixed: dict[str, Any] = {}
        axes: dict[str, list[Any]] = {}
        sound = True
        for name, raw in spec.parameters.items():
            place = (*location, name)
            if name not in known:
                hint = did_you_mean(name, known)
                self.document.report(place, f"unknown parameter of {spec.name}{hint}")
                sound = False
                continue
            try:
                fixed[name] = self.localised(known[name].validate(raw), place)
            except ValueError as error:
                values = self._axis(known[name], raw, place, error, sweep=sweep)
                sound = sound and values is not None
                axes[name] = values or []
        return Alternative(spec.name, cls, fixed, axes, location) if sound else None

    def _axis(
        self,
        parameter: parameters.Parameter,
        raw: Any,
        place: Location,
        error: ValueError,
        *,
        sweep: bool,
    ) -> list[Any] | None:
        """The values of a parameter given as a list, if each of them is one."""
        if not isinstance(raw, list) or not sweep:
            self.document.report(place, str(error))
            return None
        if not raw:
            self.document.report(place, "an empty list sweeps over nothing")
            return None
        values, wrong = [], {}
        for i, item in enumerate(raw):
            try:
                values.append(self.localised(parameter.validate(item), (*place, i)))
            except ValueError as reason:
                wrong[(*place, i)] = str(reason)
        for at, told in (wrong if values else {place: str(error)}).items():
            self.document.report(at, told)
        return None if wrong else values

    def localised(self, value: Any, place: Location) -> Any:
        """A validated value with its paths beside the suite and the components it names checked.

        Raises:
            ValueError: a path is impossible.
        """
        if isinstance(value, Path):
            return beside(self.folder, value)
        if hasattr(value, "beside"):  # of a type of the plugin's own, which may stand for a path
            return value.beside(self.folder)
        if isinstance(value, Importable) and value.is_file:
            return replace(value, module=str(beside(self.folder, Path(value.module))))
        if isinstance(value, ComponentSpec):
            chosen = self.single(value.kind, {"name": value.name, **value.parameters}, place)
            return value if chosen is None else replace(value, parameters=chosen.given)
        if type(value) in (list, tuple):
            return type(value)(self.localised(item, place) for item in value)
        return value


def beside(folder: Path, path: Path) -> Path:
    """A path that is written in a file of a folder; ``~`` is the user's home.

    Raises:
        ValueError: no file can have this path.
    """
    if "\0" in str(path):
        raise ValueError(f"{str(path)!r} is no path")
    try:
        return folder / path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path}: {error}") from None
