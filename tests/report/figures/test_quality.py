from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from scorebench.report.figures import axes
from scorebench.report.figures.points import Points
from scorebench.report.figures.quality import quality

Make = Callable[..., Points]
Draw = Callable[[Any], Any]

ROWS: list[dict[str, Any]] = [
    {"sampler": "a", "fid": 8.0, "nfe": 1},
    {"sampler": "b", "fid": 4.0, "nfe": 10},
    {"sampler": "c", "fid": 5.0, "nfe": 20},
    {"sampler": "d", "fid": 1.0, "nfe": 100},
    {"sampler": "e", "fid": math.nan, "nfe": 5},
    {"sampler": "f", "status": "failed", "error": "no", "nfe": None},
]


def chart(points: Points, metric: str = "fid", cost: str = "nfe") -> Any:
    return quality(points.frame, points, metric, axes.axis(points, axes.series(points)), cost)


def test_a_mark_for_every_value_and_a_line_through_the_pareto_set(
    points_of: Make, drawn: Draw
) -> None:
    drawing = drawn(chart(points_of(*ROWS)))
    assert len(drawing.marks("point")) == 4
    (line,) = drawing.marks("line mark")
    # From one to the next across, then down: two corners a step.
    assert line["d"].count("L") == 4
    assert "log scale" in drawing.axis("X")
    assert "log scale" in drawing.axis("Y")
    assert "titled 'fid ↓'" in drawing.axis("Y")


@pytest.mark.parametrize(("metric", "cost"), [("extra", "nfe"), ("fid", "seconds")])
def test_there_is_no_line_without_a_direction_or_against_time(
    points_of: Make, drawn: Draw, metric: str, cost: str
) -> None:
    made = points_of(*({**row, "extra": row.get("fid")} for row in ROWS))
    drawing = drawn(chart(made, metric, cost))
    assert len(drawing.marks("point")) == 4
    assert not drawing.marks("line mark")


def test_repeats_have_bars_that_stay_on_a_logarithmic_axis(points_of: Make, drawn: Draw) -> None:
    made = points_of(
        *({"sampler": "a", "repeat": i, "fid": fid} for i, fid in enumerate([0.1, 9.0])),
        *({"sampler": "b", "repeat": i, "fid": 2.0} for i in range(2)),
        {"sampler": "c", "fid": 3.0},
    )
    drawing = drawn(chart(made))
    (bar,) = drawing.marks("rule mark")
    assert "NaN" not in str(bar)
    assert "log scale" in drawing.axis("Y")


def test_of_one_metric_all_marks_are_on_a_linear_axis_if_more_is_better(
    points_of: Make, drawn: Draw
) -> None:
    made = points_of(*({"sampler": s, "recall": r, "fid": 1.0} for s, r in [("a", 0), ("b", 1)]))
    assert "linear scale" in drawn(chart(made, "recall")).axis("Y")


def test_thirty_samplers_have_thirty_different_marks(points_of: Make, drawn: Draw) -> None:
    names = [f"sampler_{i}" for i in range(30)]
    drawing = drawn(
        chart(points_of(*({"sampler": n, "fid": 1.0 + i} for i, n in enumerate(names))))
    )
    assert len(drawing.symbols()) == 30
    assert len(set(drawing.symbols())) == 30
    assert set(names) <= set(drawing.texts)
    marks = {(mark["fill"], mark["d"]) for mark in drawing.marks("point")}
    assert len(marks) == 30


def test_evaluations_of_zero_have_no_place_on_a_logarithmic_axis(
    points_of: Make, drawn: Draw
) -> None:
    made = points_of({"sampler": "a", "fid": 1.0, "nfe": 0}, {"sampler": "b", "fid": 2.0})
    assert len(drawn(chart(made)).marks("point")) == 1
