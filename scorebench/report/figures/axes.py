"""Which parameters figures show unless the reader says: those of which there is most to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import pandas as pd

from scorebench.report.columns import RESULTS
from scorebench.report.figures.points import Points
from scorebench.report.numbers import MISSING

ITERATIONS = ("sampler.steps_per_level", "sampler.steps", "sampler.corrector_steps")


@dataclass(frozen=True)
class Axis:
    """A parameter along a side of a figure.

    Attributes:
        field: of the points.
        title: the parameter's name.
        order: its values as text.
        numbers: those that are numbers.
        scale: ``log`` if all of these are positive, else ``symlog``.
    """

    field: str
    title: str
    order: Sequence[str]
    numbers: Sequence[float]
    scale: Literal["log", "symlog"]


def axis(points: Points, parameter: str) -> Axis:
    """The axis of a parameter, without the place of configurations that don't have it."""
    order = [value for value in points.values(parameter) if value != MISSING]
    numbers = points.numbers(parameter)
    positive = all(number > 0 for number in numbers)
    field = points.parameter_field(parameter)
    return Axis(field, parameter, order, numbers, "log" if positive else "symlog")


def series(points: Points) -> str:
    """What marks stand for: results of several, else samplers, models or schedules that differ."""
    names = [
        name for name in (RESULTS, "sampler", "model", "schedule") if name in points.parameters
    ]
    return (names or points.parameters)[0]


def curve(points: Points) -> str | None:
    """The parameter that curves run over: iterations if swept, else that of most values."""
    numeric = points.numeric()
    iterations = [name for name in ITERATIONS if name in numeric]
    most = sorted(numeric, key=lambda name: -len(points.numbers(name)))
    return next(iter([*iterations, *most]), None)


def curve_series(points: Points, x: str) -> str:
    """What curves stand for: the last other parameter of which those with ``x`` have several."""
    field = points.parameter_field
    given = points.frame[points.frame[field(x)] != MISSING]
    several = [p for p in points.parameters if p != x and given[field(p)].nunique() > 1]
    return (several or [series(points)])[-1]


def plane(points: Points) -> tuple[str, str] | None:
    """The two parameters, of numbers if any are, that most configurations differ in alone."""
    for names in (points.numeric(), points.parameters):
        sizes = {pair: len(fixed(points, *pair)) for pair in combinations(names, 2)}
        if max(sizes.values(), default=0) > 1:
            return max(sizes, key=sizes.__getitem__)
    return None


def fixed(points: Points, x: str, y: str) -> pd.DataFrame:
    """The rows of points that differ in two parameters only: the most there are, best first."""
    frame = points.frame
    sides = [points.parameter_field(p) for p in (x, y)]
    given = frame[(frame[sides] != MISSING).all(axis=1)]
    others = [points.parameter_field(p) for p in points.parameters if p not in (x, y)]
    if given.empty:
        return given
    group = given.groupby(["part", *others], sort=False).ngroup()
    return given[group == group.value_counts(sort=False).idxmax()]
