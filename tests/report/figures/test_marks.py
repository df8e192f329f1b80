from __future__ import annotations

import math
from collections.abc import Callable

import altair as alt
import pytest

from scorebench.report.figures.marks import (
    COLOURS,
    SHAPES,
    axis_scale,
    metric_title,
    tooltip,
)
from scorebench.report.figures.points import Points

Make = Callable[..., Points]


def test_seven_colours_and_eight_shapes_in_turn_are_56_different_marks() -> None:
    pairs = [(COLOURS[i % len(COLOURS)], SHAPES[i % len(SHAPES)]) for i in range(56)]
    assert len(set(pairs)) == 56


@pytest.mark.parametrize(
    ("values", "metric", "kind"),
    [
        ([1.0, 100.0], "fid", "log"),
        ([1.0, math.nan], "fid", "log"),
        ([0.0, 100.0], "fid", None),
        ([-1.0, 1.0], "fid", None),
        ([math.nan, math.nan], "fid", None),
        ([0.1, 0.9], "recall", None),
        ([1.0, 2.0], "extra", None),
    ],
)
def test_a_positive_metric_of_which_less_is_better_is_logarithmic(
    points_of: Make, values: list[float], metric: str, kind: str | None
) -> None:
    rows = [{"sampler": f"s{i}", "fid": 1.0, metric: v} for i, v in enumerate(values)]
    scale = axis_scale(points_of(*rows), metric)
    assert (None if scale.type is alt.Undefined else scale.type) == kind


def test_an_arrow_shows_which_way_is_better(points_of: Make) -> None:
    made = points_of({"fid": 1.0, "recall": 1.0, "extra": 1.0})
    assert [metric_title(made, m) for m in made.metrics] == ["fid ↓", "recall ↑", "extra"]


def test_a_tooltip_tells_parameters_metric_costs_and_repeats(points_of: Make) -> None:
    made = points_of({"sampler": "a", "fid": 1.0}, {"sampler": "b", "fid": 2.0})
    told = [(t.to_dict()["field"], t.to_dict().get("title")) for t in tooltip(made, ["fid"])]
    costs = [("nfe", "NFE"), ("seconds", "seconds"), ("ok", "repeats that ended ok")]
    assert told == [("p0", None), ("m0", None), *costs]
