"""Expansion of a suite's blocks into cells."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scorebench.errors import did_you_mean
from scorebench.plugin.component import Kind
from scorebench.plugin.parameters import parameters_of
from scorebench.suite.resolve import Alternative, Chosen, Resolver
from scorebench.suite.spec import Block
from scorebench.suite.yaml import Location

ROLES: Mapping[str, Kind] = {
    "model": "score_model",
    "schedule": "noise_schedule",
    "sampler": "sampler",
}


@dataclass(frozen=True)
class Point:
    """One point of a sweep: a score model, a noise schedule and a sampler."""

    model: Chosen
    schedule: Chosen
    sampler: Chosen

    def columns(self) -> dict[str, Any]:
        """The point as table columns: names, and every parameter the suite gives."""
        row: dict[str, Any] = {role: getattr(self, role).name for role in ROLES}
        for role in ROLES:
            row |= {f"{role}.{k}": v for k, v in getattr(self, role).given.items()}
        return row


def expand(resolver: Resolver, block: Block, location: Location) -> list[Point]:
    """All points of a block, later axes varying fastest; mistakes go to the resolver's document."""
    axes = {
        role: resolver.alternatives(kind, getattr(block, role), (*location, role))
        for role, kind in ROLES.items()
    }
    if not all(axes.values()):
        return []
    expansion = _Expansion(resolver, block, location, axes)
    return list(expansion.points()) if expansion.names_are_sound() else []


@dataclass
class _Expansion:
    resolver: Resolver
    block: Block
    location: Location
    axes: Mapping[str, list[Alternative]]

    def __post_init__(self) -> None:
        self.group_of = {name: i for i, names in enumerate(self.block.zip) for name in names}
        self.built: dict[Any, Chosen | None] = {}
        self.excluded = [self._coerced(i, rule) for i, rule in enumerate(self.block.exclude)]

    def points(self) -> Iterator[Point]:
        sizes = {role: len(alternatives) for role, alternatives in self.axes.items()}
        for picked, fixed in self._indices(sizes, {}):
            chosen = {role: self.axes[role][i] for role, i in picked.items()}
            swept = {f"{r}.{p}": v for r, a in chosen.items() for p, v in a.axes.items()}
            for index, _ in self._indices({name: len(v) for name, v in swept.items()}, fixed):
                components = [self._component(r, a, index) for r, a in chosen.items()]
                if all(c is not None for c in components):
                    point = Point(*components)  # type: ignore[arg-type]
                    if not self._is_excluded(point):
                        yield point

    def _indices(
        self, sizes: Mapping[str, int], fixed: Mapping[int, int]
    ) -> Iterator[tuple[dict[str, int], dict[int, int]]]:
        """Every index into axes of these sizes; zipped axes share one, some are fixed."""
        keys: list[Any] = [self.group_of.get(name, name) for name in sizes]
        free: dict[Any, int] = {}
        for name, key in zip(sizes, keys, strict=True):
            known = free.get(key, sizes[name])
            if (key in fixed and fixed[key] >= sizes[name]) or known != sizes[name]:
                self._report_zip(key)
                return
            if key not in fixed:
                free[key] = sizes[name]
        for values in itertools.product(*map(range, free.values())):
            at = {**fixed, **dict(zip(free, values, strict=True))}
            groups = {k: v for k, v in at.items() if isinstance(k, int)}
            yield {name: at[key] for name, key in zip(sizes, keys, strict=True)}, groups

    def _component(
        self, role: str, alternative: Alternative, index: Mapping[str, int]
    ) -> Chosen | None:
        at = tuple(index[f"{role}.{name}"] for name in alternative.axes)
        key = (role, alternative.location, at)
        if key not in self.built:
            pairs = zip(alternative.axes.items(), at, strict=True)
            values = {name: axis[i] for (name, axis), i in pairs}
            self.built[key] = self.resolver.choose(alternative, values)
        return self.built[key]

    def _is_excluded(self, point: Point) -> bool:
        return any(
            all(_value(point, name) in wanted for name, wanted in rule.items())
            for rule in self.excluded
        )

    def _coerced(self, number: int, rule: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
        """A rule's values as the parameters' types would read them."""
        coerced: dict[str, Sequence[Any]] = {}
        for name, value in rule.items():
            role, _, parameter = name.partition(".")
            readings = [value]
            for alternative in self.axes.get(role, []):
                known = parameters_of(alternative.cls)
                if parameter in known:
                    try:
                        readings.append(known[parameter].validate(value))
                    except ValueError as error:
                        place = (*self.location, "exclude", number, name)
                        self.resolver.document.report(place, str(error))
            coerced[name] = readings
        return coerced

    def names_are_sound(self) -> bool:
        """Whether ``exclude`` and ``zip`` speak of parameters that exist, ``zip`` of swept ones."""
        report = self.resolver.document.report
        known = set(ROLES)
        swept = {role for role, alternatives in self.axes.items() if len(alternatives) > 1}
        for role, alternatives in self.axes.items():
            for a in alternatives:
                known |= {f"{role}.{name}" for name in parameters_of(a.cls)}
                swept |= {f"{role}.{name}" for name in a.axes}
        sound = True
        for i, rule in enumerate(self.block.exclude):
            for name in rule.keys() - known:
                report(
                    (*self.location, "exclude", i, name),
                    f"no component here has this parameter{did_you_mean(name, known)}",
                )
                sound = False
        seen: set[str] = set()
        for i, names in enumerate(self.block.zip):
            for j, name in enumerate(names):
                place = (*self.location, "zip", i, j)
                if name in seen:
                    report(place, f"{name} is zipped twice")
                    sound = False
                elif name not in swept:
                    report(place, f"{name} is not swept here{did_you_mean(name, swept)}")
                    sound = False
                seen.add(name)
        return sound

    def _report_zip(self, group: Any) -> None:
        names = ", ".join(self.block.zip[group])
        self.resolver.document.report(
            (*self.location, "zip", group), f"{names} are not of one length, so can't be zipped"
        )


def _value(point: Point, name: str) -> Any:
    role, _, parameter = name.partition(".")
    chosen: Chosen = getattr(point, role)
    return getattr(chosen.component, parameter, None) if parameter else chosen.name
