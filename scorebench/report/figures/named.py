"""The figures of a report by name, each with its usual choices of what to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import altair as alt

from scorebench.errors import UserError, did_you_mean
from scorebench.report import columns
from scorebench.report.figures import axes
from scorebench.report.figures.axes import Axis
from scorebench.report.figures.curves import curves
from scorebench.report.figures.heatmap import heatmap
from scorebench.report.figures.points import Points
from scorebench.report.figures.quality import quality
from scorebench.report.figures.tradeoff import tradeoff

PRECISION_RECALL = "precision_recall"
SAMPLES = "samples"  # a figure of pictures, by scorebench.report.figures.samples
SIZE = {"width": 420, "height": 300}
Wanted = Sequence[str]


def figure(name: str, points: Points, metric: str, parameters: Sequence[str] = ()) -> Any:
    """A figure on its own.

    Args:
        name: of the figure.
        points: what there is to show, of rows that can be compared.
        metric: whose values it shows, where it is of one.
        parameters: those of a heatmap's sides, or the one that curves run over and that of their
            colours; the usual ones unless given.

    Raises:
        UserError: there is no such figure, or nothing to show in it.
    """
    if name not in FIGURES:
        raise UserError(f"--figure: no figure {name!r}{did_you_mean(name, [*FIGURES, SAMPLES])}")
    for shown in ("precision", "recall") if name == PRECISION_RECALL else (metric,):
        if shown not in points.metrics:
            raise UserError(f"--figure {name}: there is no metric {shown}")
        if points.frame[points.metric_field(shown)].isna().all():
            raise UserError(f"--figure {name}: no configuration has a value of {shown}")
    named = columns.named(parameters, points.parameters, "--axes")
    if len(named) > 2:
        raise UserError(f"--axes: a figure has two at most, not {len(named)}")
    with alt.data_transformers.disable_max_rows():
        return FIGURES[name](points, metric, named)


def _pareto(points: Points, metric: str, _: Wanted) -> Any:
    return quality(points.frame, points, metric, _series(points)).properties(**SIZE)


def _time(points: Points, metric: str, _: Wanted) -> Any:
    return quality(points.frame, points, metric, _series(points), "seconds").properties(**SIZE)


def _precision_recall(points: Points, _metric: str, _: Wanted) -> Any:
    chart = tradeoff(points.frame, points, "recall", "precision", _series(points))
    return chart.properties(**SIZE)


def _heatmap(points: Points, metric: str, wanted: Wanted) -> Any:
    plane = wanted or axes.plane(points)
    if plane is None or len(plane) != 2:
        raise UserError("--figure heatmap: takes two parameters that are swept together")
    x, y = plane
    rows = axes.fixed(points, x, y)
    if rows.empty:
        raise UserError(f"--figure heatmap: no configuration has both {x} and {y}")
    return heatmap(rows, points, metric, axes.axis(points, x), axes.axis(points, y))


def _iterations(points: Points, metric: str, wanted: Wanted) -> Any:
    x = wanted[0] if wanted else axes.curve(points)
    if x not in points.numeric():
        raise UserError("--figure iterations: takes a parameter that is swept over numbers")
    colours = wanted[1] if len(wanted) > 1 else axes.curve_series(points, x)
    series = axes.axis(points, colours)
    return curves(points.frame, points, metric, axes.axis(points, x), series).properties(**SIZE)


def _series(points: Points) -> Axis:
    return axes.axis(points, axes.series(points))


FIGURES: dict[str, Callable[[Points, str, Wanted], Any]] = {
    "pareto": _pareto,
    "heatmap": _heatmap,
    "iterations": _iterations,
    PRECISION_RECALL: _precision_recall,
    "time": _time,
}
