"""Quality against what it costs: NFE or wall time, with the Pareto front."""

from __future__ import annotations

from typing import Any

import altair as alt

from scorebench.report.figures.axes import Axis
from scorebench.report.figures.marks import (
    NEUTRAL,
    PADDING,
    axis_scale,
    colour,
    error_bars,
    metric_title,
    shape,
    tooltip,
)
from scorebench.report.figures.points import Points

TITLES = {"nfe": "NFE (model evaluations per sample)", "seconds": "seconds per cell"}


def quality(data: Any, points: Points, metric: str, series: Axis, cost: str = "nfe") -> Any:
    """A mark for every configuration; against NFE, those that none beats are joined by a line.

    Args:
        data: ``points.frame``, or its name.
        points: what is shown.
        metric: of the vertical axis.
        series: what marks stand for.
        cost: of the horizontal axis, ``nfe`` or ``seconds``.
    """
    value = points.metric_field(metric)
    scale = axis_scale(points, metric)
    shown = alt.Chart(data).transform_filter(f"isValid(datum.{value}) && datum.{cost} > 0")
    base = shown.encode(
        alt.X(
            f"{cost}:Q",
            title=TITLES[cost],
            scale=alt.Scale(type="log", nice=False, padding=PADDING),
        ),
        alt.Y(f"{value}:Q", title=metric_title(points, metric), scale=scale),
    )
    marks = base.mark_point(filled=True, size=70, opacity=0.85, cursor="pointer").encode(
        colour(series), shape(series), tooltip=tooltip(points, [metric])
    )
    bars = error_bars(base, points, metric)
    if cost != "nfe" or metric not in points.better:
        return bars + marks
    front = (
        base.transform_filter(f"datum.f{value[1:]}")
        .mark_line(color=NEUTRAL, strokeDash=[5, 4], interpolate="step-after")
        .encode(order="nfe:Q")
    )
    return front + bars + marks
