"""A metric against one numeric parameter, such as the number of Langevin iterations."""

from __future__ import annotations

from typing import Any

import altair as alt

from scorebench.report.figures.axes import Axis
from scorebench.report.figures.marks import (
    PADDING,
    axis_scale,
    colour,
    error_bars,
    metric_title,
    shape,
    tooltip,
)
from scorebench.report.figures.points import Points

MOST = 12  # curves; more can't be told apart


def curves(data: Any, points: Points, metric: str, x: Axis, series: Axis) -> Any:
    """A curve for all configurations that differ in nothing but the parameter, the best 12.

    Args:
        data: ``points.frame``, or its name.
        points: what is shown.
        metric: of the vertical axis.
        x: the parameter.
        series: what colours stand for.
    """
    value = points.metric_field(metric)
    others = [f for f in map(points.parameter_field, points.parameters) if f != x.field]
    higher = points.better.get(metric) == "higher"
    best = f"{'max' if higher else 'min'}({value})"
    first = alt.SortField("best", order="descending" if higher else "ascending")
    shown = (
        alt.Chart(data)
        .transform_calculate(x=f"toNumber(datum.{x.field})")
        .transform_filter(f"isValid(datum.{value}) && isFinite(datum.x)")
        .transform_joinaggregate(groupby=[*others], places="distinct(x)", best=best)
        .transform_filter("datum.places > 1")
        .transform_window(place="dense_rank()", sort=[first])
        .transform_filter(f"datum.place <= {MOST}")
    )
    base = shown.encode(
        alt.X(
            "x:Q",
            title=x.title,
            scale=alt.Scale(type=x.scale, nice=False, padding=PADDING),
            axis=alt.Axis(values=list(x.numbers), format="~g", labelOverlap=True),
        ),
        alt.Y(f"{value}:Q", title=metric_title(points, metric), scale=axis_scale(points, metric)),
    )
    lines = base.mark_line(opacity=0.7).encode(
        colour(series), detail=[f"{field}:N" for field in others]
    )
    marks = base.mark_point(filled=True, size=60, opacity=0.9, cursor="pointer").encode(
        colour(series), shape(series), tooltip=tooltip(points, [metric])
    )
    return lines + error_bars(base, points, metric) + marks
