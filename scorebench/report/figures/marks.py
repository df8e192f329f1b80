"""How figures mark things: colours and shapes that no eye confuses, tooltips that tell all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from scorebench.report.figures.axes import Axis
from scorebench.report.figures.points import Points

# Okabe & Ito (2008), "Color Universal Design", without yellow and black, which are lost on white
# and on dark. Seven colours and eight shapes in turn are 56 different marks.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8A8A")
SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
NEUTRAL = "#7d8590"  # seen on white and on dark
PADDING = 12  # pixels between marks and the ends of an axis
LEGEND_COLUMNS = 4


def legend() -> alt.Legend:
    """Below the figure, in as many rows as it takes."""
    return alt.Legend(orient="bottom", columns=LEGEND_COLUMNS, symbolLimit=0, labelLimit=220)


def colour(series: Axis) -> alt.Color:
    """One of the seven colours for each value."""
    return alt.Color(
        f"{series.field}:N",
        title=series.title,
        scale=alt.Scale(domain=list(series.order), range=list(COLOURS)),
        legend=legend(),
    )


def shape(series: Axis) -> alt.Shape:
    """One of the eight shapes for each value."""
    return alt.Shape(
        f"{series.field}:N",
        title=series.title,
        scale=alt.Scale(domain=list(series.order), range=list(SHAPES)),
        legend=legend(),
    )


def tooltip(points: Points, metrics: Sequence[str]) -> list[alt.Tooltip]:
    """All parameters, these metrics, costs and repeats.

    Parameters and metrics go by their fields, for Vega refuses names such as ``constructor``; the
    page's script knows what they are called.
    """
    told = [alt.Tooltip(f"{points.parameter_field(p)}:N") for p in points.parameters]
    told += [alt.Tooltip(f"{points.metric_field(m)}:Q", format=".4~g") for m in metrics]
    told += [alt.Tooltip("nfe:Q", title="NFE", format=".4~g")]
    told += [alt.Tooltip("seconds:Q", title="seconds", format=".3~g")]
    return [*told, alt.Tooltip("ok:Q", title="repeats that ended ok")]


def axis_scale(points: Points, metric: str) -> alt.Scale:
    """Logarithmic for a positive metric of which less is better; else linear, zero left out."""
    values = points.frame[points.metric_field(metric)].dropna()
    log = points.better.get(metric) == "lower" and len(values) and values.min() > 0
    if log:
        return alt.Scale(type="log", nice=False, padding=PADDING)
    return alt.Scale(zero=False, nice=False, padding=PADDING)


def metric_title(points: Points, metric: str) -> str:
    """A metric with an arrow that shows which way is better."""
    arrow = {"lower": " ↓", "higher": " ↑"}
    return metric + arrow.get(points.better.get(metric, ""), "")


def error_bars(base: alt.Chart, points: Points, metric: str) -> Any:
    """Mean ± standard error, as vertical lines."""
    i, scale = points.metric_field(metric)[1:], axis_scale(points, metric)
    low, high = f"datum.m{i} - datum.e{i}", f"datum.m{i} + datum.e{i}"
    if scale.type == "log":  # which has no place for what isn't positive
        low = f"max({low}, datum.m{i} / 10)"
    return (
        base.transform_filter(f"datum.e{i} > 0")
        .transform_calculate(low=low, high=high)
        .mark_rule(color=NEUTRAL)
        .encode(alt.Y("low:Q"), alt.Y2("high:Q"))
    )
