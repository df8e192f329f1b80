"""One metric against another, such as precision against recall."""

from __future__ import annotations

from typing import Any

import altair as alt

from scorebench.report.figures.axes import Axis
from scorebench.report.figures.marks import axis_scale, colour, metric_title, shape, tooltip
from scorebench.report.figures.points import Points


def tradeoff(data: Any, points: Points, x: str, y: str, series: Axis) -> Any:
    """A mark for every configuration.

    Args:
        data: ``points.frame``, or its name.
        points: what is shown.
        x, y: metrics.
        series: what marks stand for.
    """
    across, up = points.metric_field(x), points.metric_field(y)
    return (
        alt.Chart(data)
        .transform_filter(f"isValid(datum.{across}) && isValid(datum.{up})")
        .mark_point(filled=True, size=70, opacity=0.85, cursor="pointer")
        .encode(
            alt.X(f"{across}:Q", title=metric_title(points, x), scale=axis_scale(points, x)),
            alt.Y(f"{up}:Q", title=metric_title(points, y), scale=axis_scale(points, y)),
            colour(series),
            shape(series),
            tooltip=tooltip(points, [x, y]),
        )
    )
