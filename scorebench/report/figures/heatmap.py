"""A metric over two parameters, the others being fixed."""

from __future__ import annotations

from typing import Any

import altair as alt

from scorebench.report.figures.axes import Axis
from scorebench.report.figures.marks import NEUTRAL, axis_scale, metric_title, tooltip
from scorebench.report.figures.points import Points

TILE = (64, 36)  # pixels
MOST_WRITTEN = 120  # tiles with room for their number


def heatmap(data: Any, points: Points, metric: str, x: Axis, y: Axis) -> Any:
    """A tile for every pair of values; where no repeat ended ok, a cross.

    Args:
        data: rows of ``points.frame`` that differ in the two parameters only, or its name.
        points: what is shown.
        metric: of the colours.
        x, y: the parameters.
    """
    value = points.metric_field(metric)
    logarithmic = axis_scale(points, metric).type == "log"
    scale = alt.Scale(
        type="log" if logarithmic else "linear",
        scheme="viridis",
        reverse=points.better.get(metric) == "lower",
        zero=alt.Undefined if logarithmic else False,
    )
    upwards = alt.Scale(reverse=True)
    base = alt.Chart(data, width=alt.Step(TILE[0]), height=alt.Step(TILE[1])).encode(
        alt.X(f"{x.field}:O", title=x.title, sort=list(x.order), axis=alt.Axis(labelAngle=0)),
        alt.Y(f"{y.field}:O", title=y.title, sort=list(y.order), scale=upwards),
        tooltip=[*tooltip(points, [metric]), alt.Tooltip("status:N", title="not ok")],
    )
    valued = base.transform_filter(f"isValid(datum.{value})")
    tiles = valued.mark_rect(cursor="pointer").encode(
        alt.Color(
            f"{value}:Q",
            title=metric_title(points, metric),
            scale=scale,
            legend=alt.Legend(format=".3~g", tickCount=5),
        )
    )
    log = "log" if logarithmic else ""
    written = (
        valued.transform_joinaggregate(tiles="count()", least=f"min({value})", most=f"max({value})")
        .transform_filter(f"datum.tiles <= {MOST_WRITTEN}")
        .transform_calculate(
            place=f"({log}(datum.{value}) - {log}(datum.least))"
            f" / ({log}(datum.most) - {log}(datum.least))"
        )
        .mark_text(fontSize=11, cursor="pointer")
        .encode(
            text=alt.Text(f"{value}:Q", format=".3~g"),
            color=alt.condition(
                f"datum.place {'<' if scale.reverse else '>'} {0.4 if scale.reverse else 0.6}",
                alt.value("#111111"),
                alt.value("#ffffff"),
            ),
        )
    )
    crosses = base.transform_filter("datum.ok == 0").mark_text(
        text="✕", fontSize=15, fontWeight="bold", color=NEUTRAL, cursor="pointer"
    )
    partly = (
        base.transform_filter("0 < datum.ok && datum.ok < datum.all")
        .transform_calculate(lost="'✕ ' + (datum.all - datum.ok) + ' of ' + datum.all")
        .mark_text(fontSize=9, dy=13, color=NEUTRAL)
        .encode(text="lost:N")
    )
    return tiles + written + crosses + partly
