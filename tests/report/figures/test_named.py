from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from scorebench.errors import UserError
from scorebench.report.figures.named import FIGURES, figure
from scorebench.report.figures.points import Points

Make = Callable[..., Points]
Draw = Callable[[Any], Any]
BETTER = {"fid": "lower", "precision": "higher", "recall": "higher"}


def swept(values: list[float]) -> list[dict[str, Any]]:
    """Six configurations: two samplers, three numbers of steps; their metrics are all these."""
    return [
        {
            "sampler": sampler,
            "sampler.steps": steps,
            "schedule.n": n,
            **dict.fromkeys(BETTER, values[(steps + n) % len(values)]),
        }
        for sampler in ("a", "b")
        for steps in (1, 2, 3)
        for n in (5, 10)
    ]


EXTREME = [
    [1.0, 2.0, 3.0],
    [0.0],
    [-1.0, 0.0, 1.0],
    [math.nan, 1.0],
    [math.inf, -math.inf, 1.0, 2.0],
    [1e-300, 1.0, 1e300],
    [1.0],
]


@pytest.mark.parametrize("values", EXTREME, ids=str)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_shows_whatever_values_there_are(
    points_of: Make, drawn: Draw, capfd: pytest.CaptureFixture[str], name: str, values: list[float]
) -> None:
    drawing = drawn(figure(name, points_of(*swept(values), better=BETTER), "fid"))
    kind = "rect mark" if name == "heatmap" else "point"
    assert drawing.marks(kind)
    assert "NaN" not in " ".join(drawing.texts)
    assert capfd.readouterr().err == ""


def test_parameters_are_along_the_sides_as_named(points_of: Make, drawn: Draw) -> None:
    points = points_of(*swept([1.0, 2.0]), better=BETTER)
    drawing = drawn(figure("heatmap", points, "fid", ["sampler", "steps"]))
    assert "titled 'sampler'" in drawing.axis("X")
    assert "titled 'sampler.steps'" in drawing.axis("Y")
    drawing = drawn(figure("iterations", points, "fid", ["n"]))
    assert "titled 'schedule.n'" in drawing.axis("X")
    drawing = drawn(figure("iterations", points, "fid", ["n", "steps"]))
    assert {"schedule.n", "sampler.steps", "1", "2", "3"} <= set(drawing.texts)
    assert len(drawing.symbols()) == 3


@pytest.mark.parametrize(
    ("name", "parameters", "told"),
    [
        ("paretto", [], "no figure 'paretto'.*pareto"),
        ("heatmap", ["sampler"], "takes two parameters"),
        ("heatmap", ["sampler", "stebs"], "--axes: no column 'stebs'.*sampler.steps"),
        ("heatmap", ["sampler", "only_a"], None),
        ("heatmap", ["only_a", "only_b"], "no configuration has both sampler.only_a and"),
        ("iterations", ["sampler"], "takes a parameter that is swept over numbers"),
    ],
)
def test_what_cannot_be_shown_is_said(
    points_of: Make, name: str, parameters: list[str], told: str | None
) -> None:
    rows = swept([1.0, 2.0])
    rows += [{"sampler": "a", "sampler.only_a": x, "fid": 1.0} for x in (1, 2)]
    rows += [{"sampler": "b", "sampler.only_b": x, "fid": 1.0} for x in (1, 2)]
    points = points_of(*rows, better=BETTER)
    if told is None:
        figure(name, points, "fid", parameters)
        return
    with pytest.raises(UserError, match=told):
        figure(name, points, "fid", parameters)


def test_a_metric_without_values_makes_no_figure(points_of: Make) -> None:
    points = points_of({"sampler": "a", "fid": math.nan}, {"sampler": "b", "fid": None})
    for name in ("pareto", "time", "heatmap", "iterations"):
        with pytest.raises(UserError, match=f"{name}: no configuration has a value of fid"):
            figure(name, points, "fid")
    with pytest.raises(UserError, match="precision_recall: there is no metric precision"):
        figure("precision_recall", points, "fid")


def test_nothing_swept_makes_neither_heatmap_nor_curves(points_of: Make) -> None:
    points = points_of({"fid": 1.0})
    with pytest.raises(UserError, match="swept together"):
        figure("heatmap", points, "fid")
    with pytest.raises(UserError, match="swept over numbers"):
        figure("iterations", points, "fid")


@pytest.mark.parametrize("name", ["heatmap", "iterations", "pareto"])
def test_there_is_no_third_axis(points_of: Make, name: str) -> None:
    with pytest.raises(UserError, match="--axes: a figure has two at most, not 3"):
        figure(name, points_of(*swept([1.0])), "fid", ["sampler", "steps", "n"])
