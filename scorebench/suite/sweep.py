"""Expansion of a suite's blocks into cells."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scorebench.errors import did_you_mean
from scorebench.plugin.component import ComponentSpec, Kind
from scorebench.plugin.parameters import REQUIRED, brief, parameters_of
from scorebench.suite.resolve import Alternative, Chosen, Resolver
from scorebench.suite.spec import Block
from scorebench.suite.yaml import Location

ROLES: Mapping[str, Kind] = {
    "model": "score_model",
    "schedule": "noise_schedule",
    "sampler": "sampler",
}
LARGEST_SWEEP = 1_000_000


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
            row |= {f"{role}.{k}": told(v) for k, v in getattr(self, role).given.items()}
        return row


def told(value: Any) -> Any:
    """A value as a suite would give it."""
    if isinstance(value, ComponentSpec):
        return {"name": value.name, **{k: told(v) for k, v in value.parameters.items()}}
    return value


def expand(resolver: Resolver, block: Block, location: Location) -> list[Point]:
    """All points of a block, later axes varying fastest; mistakes go to the resolver's document."""
    problems = resolver.document.problems
    before = len(problems)
    axes = {
        role: resolver.alternatives(kind, getattr(block, role), (*location, role))
        for role, kind in ROLES.items()
    }
    expansion = _Expansion(resolver, block, location, axes)
    if len(problems) == before and expansion.is_sound():
        return list(expansion.points())
    for alternative in itertools.chain(*axes.values()):
        if not alternative.axes:  # has its mistakes reported along with the others
            resolver.choose(alternative, {})
    return []


@dataclass
class _Expansion:
    resolver: Resolver
    block: Block
    location: Location
    axes: Mapping[str, list[Alternative]]

    def __post_init__(self) -> None:
        self.group_of = {name: i for i, names in enumerate(self.block.zip) for name in names}
        self.built: dict[Any, Chosen | None] = {}
        self.excluded: list[dict[str, list[Any]]] = []
        self.size = 0

    def points(self) -> Iterator[Point]:
        sizes = {role: len(alternatives) for role, alternatives in self.axes.items()}
        for picked, fixed in self._indices(sizes, {}):
            chosen = {role: self.axes[role][i] for role, i in picked.items()}
            swept = {f"{r}.{p}": v for r, a in chosen.items() for p, v in a.axes.items()}
            for index, _ in self._indices({name: len(v) for name, v in swept.items()}, fixed):
                if self._is_excluded(chosen, index):
                    continue
                components = [self._component(r, a, index) for r, a in chosen.items()]
                if all(c is not None for c in components):
                    yield Point(*components)  # type: ignore[arg-type]

    def _indices(
        self, sizes: Mapping[str, int], fixed: Mapping[int, tuple[int, int]]
    ) -> Iterator[tuple[dict[str, int], dict[int, tuple[int, int]]]]:
        """Every index into axes of these sizes; zipped axes share one.

        ``fixed`` gives index and size of zipped axes that are chosen already; the same of those
        chosen here is yielded as well.
        """
        keys: list[Any] = [self.group_of.get(name, name) for name in sizes]
        lengths: dict[Any, int] = {key: size for key, (_, size) in fixed.items()}
        for name, key in zip(sizes, keys, strict=True):
            if lengths.setdefault(key, sizes[name]) != sizes[name]:
                self._report_zip(key)
                return
        free = [key for key in lengths if key not in fixed]
        self.size += math.prod(lengths[key] for key in free)
        if self.size > LARGEST_SWEEP:
            self.resolver.document.report(self.location, f"more than {LARGEST_SWEEP:,} points")
            return
        for values in itertools.product(*(range(lengths[key]) for key in free)):
            at = {key: index for key, (index, _) in fixed.items()}
            at |= zip(free, values, strict=True)
            groups = {key: (i, lengths[key]) for key, i in at.items() if isinstance(key, int)}
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

    def _is_excluded(self, chosen: Mapping[str, Alternative], index: Mapping[str, int]) -> bool:
        return any(
            all(_value(chosen, index, name) in wanted for name, wanted in rule.items())
            for rule in self.excluded
        )

    def _readings(self, name: str, value: Any, place: Location) -> list[Any]:
        """An excluded value as the types of the alternatives' parameters read it."""
        role, _, parameter = name.partition(".")
        if not parameter:
            names = [alternative.name for alternative in self.axes[role]]
            if value not in names:
                hint = did_you_mean(str(value), names)
                self.resolver.document.report(place, f"no {brief(value)} is swept here{hint}")
            return [value]
        readings, errors = [], []
        for alternative in self.axes[role]:
            known = parameters_of(alternative.cls)
            if parameter in known:
                try:
                    read = known[parameter].validate(value)
                    readings.append(self.resolver.localised(read, place))
                except ValueError as error:
                    errors.append(str(error))
        if not readings:
            self.resolver.document.report(place, errors[0])
        return readings

    def is_sound(self) -> bool:
        """Whether ``exclude`` and ``zip`` speak of what exists, ``zip`` of what is swept."""
        report, before = self.resolver.document.report, len(self.resolver.document.problems)
        known = set(ROLES)
        swept = {role for role, alternatives in self.axes.items() if len(alternatives) > 1}
        for role, alternatives in self.axes.items():
            for a in alternatives:
                known |= {f"{role}.{name}" for name in parameters_of(a.cls)}
                swept |= {f"{role}.{name}" for name in a.axes}
        for i, rule in enumerate(self.block.exclude):
            self.excluded.append({})
            for name, value in rule.items():
                place = (*self.location, "exclude", i, name)
                if name in known:
                    self.excluded[i][name] = self._readings(name, value, place)
                else:
                    hint = did_you_mean(name, known)
                    report(place, f"no component here has this parameter{hint}")
        seen: set[str] = set()
        for i, names in enumerate(self.block.zip):
            for j, name in enumerate(names):
                place = (*self.location, "zip", i, j)
                if name in seen:
                    report(place, f"{name} is zipped twice")
                elif name not in swept:
                    report(place, f"{name} is not swept here{did_you_mean(name, swept)}")
                seen.add(name)
        return len(self.resolver.document.problems) == before

    def _report_zip(self, group: Any) -> None:
        names = ", ".join(self.block.zip[group])
        self.resolver.document.report(
            (*self.location, "zip", group), f"{names} are not of one length, so can't be zipped"
        )


def _value(chosen: Mapping[str, Alternative], index: Mapping[str, int], name: str) -> Any:
    """The value of a parameter at a point, be it swept, given once or left at its default."""
    role, _, parameter = name.partition(".")
    alternative = chosen[role]
    if not parameter:
        return alternative.name
    if parameter in alternative.axes:
        return alternative.axes[parameter][index[name]]
    if parameter in alternative.fixed:
        return alternative.fixed[parameter]
    known = parameters_of(alternative.cls)
    return known[parameter].default if parameter in known else REQUIRED
