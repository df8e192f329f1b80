from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from scorebench.report.figures import axes
from scorebench.report.figures.heatmap import MOST_WRITTEN, heatmap
from scorebench.report.figures.points import Points

Make = Callable[..., Points]
Draw = Callable[[Any], Any]
X, Y = "sampler.a", "sampler.b"


def chart(points: Points, metric: str = "fid") -> Any:
    rows = axes.fixed(points, X, Y)
    return heatmap(rows, points, metric, axes.axis(points, X), axes.axis(points, Y))


def written(drawing: Any) -> list[str]:
    return [mark["aria-label"] for mark in drawing.marks("text mark")]


def test_a_tile_with_its_number_and_a_cross_where_nothing_ended_ok(
    points_of: Make, drawn: Draw
) -> None:
    drawing = drawn(
        chart(
            points_of(
                {X: 9, Y: 1e-4, "fid": 1.25},
                {X: 10, Y: 1e-4, "fid": 80.0},
                {X: 9, Y: 1e-3, "status": "diverged", "error": "NaN"},
                {X: 10, Y: 1e-3, "fid": 3.0},
                {X: 10, Y: 1e-3, "repeat": 1, "status": "failed", "error": "no"},
            )
        )
    )
    assert len(drawing.marks("rect mark")) == 3
    assert {"1.25", "80", "3", "✕", "✕ 1 of 2"} <= set(drawing.texts)
    assert drawing.texts.count("✕") == 1
    assert "2 values: 9, 10" in drawing.axis("X")
    assert "2 values: 0.0001, 0.001" in drawing.axis("Y")
    (cross,) = (mark for mark in written(drawing) if "diverged" in mark)
    assert "sampler.b: 0.001" in cross


def test_small_values_are_at_the_bottom_left(points_of: Make, drawn: Draw) -> None:
    made = points_of(*({X: x, Y: y, "fid": x + y} for x in (1, 2) for y in (1, 2)))
    places = {
        mark["aria-label"][: len("sampler.a: 1; sampler.b: 1")]: mark["d"][1:].partition("h")[0]
        for mark in drawn(chart(made)).marks("rect mark")
    }
    corner = {k: [float(n) for n in v.split(",")] for k, v in places.items()}
    low, high = corner["sampler.a: 1; sampler.b: 1"], corner["sampler.a: 2; sampler.b: 2"]
    assert low[0] < high[0]
    assert low[1] > high[1]


def test_the_best_has_the_same_colour_whichever_way_is_better(points_of: Make, drawn: Draw) -> None:
    made = points_of(
        *({X: x, Y: 1, "fid": 10.0 - x, "recall": x / 10} for x in range(5)), {X: 1, Y: 2}
    )
    best = [
        next(m for m in drawn(chart(made, name)).marks("rect mark") if "sampler.a: 4" in str(m))
        for name in ("fid", "recall")
    ]
    assert best[0]["fill"] == best[1]["fill"]


def test_numbers_are_left_out_where_tiles_are_many(points_of: Make, drawn: Draw) -> None:
    side = range(12)
    rows = [{X: x, Y: y, "fid": 1.0 + x + y} for x in side for y in side]
    drawing = drawn(chart(points_of(*rows)))
    assert len(drawing.marks("rect mark")) == 144 > MOST_WRITTEN
    assert written(drawing) == []


def test_values_that_are_not_positive_or_all_equal_have_colours(
    points_of: Make, drawn: Draw
) -> None:
    for fids in ([-1.0, 0.0, 5.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0], [1e-300, 1.0, 1e300]):
        made = points_of(*({X: x, Y: x % 2, "fid": fid} for x, fid in enumerate(fids)))
        drawing = drawn(chart(made))
        assert len(drawing.marks("rect mark")) == 3
        assert all(mark["fill"].startswith("rgb(") for mark in drawing.marks("rect mark"))


def test_a_missing_value_is_neither_tile_nor_cross(points_of: Make, drawn: Draw) -> None:
    drawing = drawn(chart(points_of({X: 1, Y: 1, "fid": math.nan}, {X: 2, Y: 2, "fid": 1.0})))
    assert len(drawing.marks("rect mark")) == 1
    assert "✕" not in drawing.texts
