from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from scorebench.report.figures import axes
from scorebench.report.figures.curves import MOST, curves
from scorebench.report.figures.points import Points

Make = Callable[..., Points]
Draw = Callable[[Any], Any]


def chart(points: Points, x: str, metric: str = "fid") -> Any:
    series = axes.axis(points, axes.curve_series(points, x))
    return curves(points.frame, points, metric, axes.axis(points, x), series)


def swept(xs: list[Any], series: list[Any], fid: Callable[[Any, Any], float]) -> list[Any]:
    return [
        {"sampler.steps": x, "sampler.rule": s, "fid": fid(x, s), "recall": -fid(x, s)}
        for x in xs
        for s in series
    ]


def test_a_curve_joins_what_differs_in_the_parameter_only(points_of: Make, drawn: Draw) -> None:
    made = points_of(*swept([1, 10, 100], ["x", "y"], lambda x, s: x + (s == "y")))
    drawing = drawn(chart(made, "sampler.steps"))
    lines = drawing.marks("line mark")
    assert len(lines) == 2
    assert all(line["d"].count("L") == 2 for line in lines)
    assert len({line["stroke"] for line in lines}) == 2
    assert len(drawing.marks("point")) == 6
    assert "log scale" in drawing.axis("X")
    assert {"1", "10", "100", "x", "y", "sampler.rule"} <= set(drawing.texts)


@pytest.mark.parametrize("metric", ["fid", "recall"])
def test_only_the_best_are_shown(points_of: Make, drawn: Draw, metric: str) -> None:
    names = [f"rule{i:02}" for i in range(MOST + 3)]
    made = points_of(*swept([1, 2], names, lambda x, s: x + int(s[4:])))
    drawing = drawn(chart(made, "sampler.steps", metric))
    lines = drawing.marks("line mark")
    assert len(lines) == MOST
    told = " ".join(line["aria-label"] for line in lines)
    assert [name for name in names if name in told] == names[:MOST]


def test_lone_points_are_no_curves(points_of: Make, drawn: Draw) -> None:
    rows = swept([1, 2], ["x"], lambda x, s: x)
    rows += swept([1], ["y"], lambda x, s: x)
    rows += [{"sampler": "other", "fid": 1.0}]
    rows += [{"sampler.steps": 3, "sampler.rule": "z", "fid": math.nan}]
    drawing = drawn(chart(points_of(*rows), "sampler.steps"))
    assert (len(drawing.marks("line mark")), len(drawing.marks("point"))) == (1, 2)


def test_zero_and_negative_values_have_a_place(points_of: Make, drawn: Draw) -> None:
    made = points_of(*swept([-1, 0, 1], ["x"], lambda x, s: 1.0 - x))
    drawing = drawn(chart(made, "sampler.steps"))
    assert len(drawing.marks("point")) == 3
    assert "symlog scale" in drawing.axis("X")
    assert "linear scale" in drawing.axis("Y")


def test_words_have_no_place_among_numbers(points_of: Make, drawn: Draw) -> None:
    made = points_of(*swept([1, 2, "auto"], ["x"], lambda x, s: 1.0))
    assert len(drawn(chart(made, "sampler.steps")).marks("point")) == 2
