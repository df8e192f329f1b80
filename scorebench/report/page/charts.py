"""The charts of a page: what they are called, and for every metric how Vega-Lite draws them.

What a reader may choose is left open: its place is held by words in brackets that no name can have,
which the page's script replaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt

from scorebench.report.figures import axes
from scorebench.report.figures.axes import Axis
from scorebench.report.figures.curves import MOST, curves
from scorebench.report.figures.heatmap import heatmap
from scorebench.report.figures.points import Points
from scorebench.report.figures.quality import quality
from scorebench.report.figures.tradeoff import tradeoff

PLACE = "\ue000{}\ue001"  # of private use, which ``printable`` leaves in no name; as in charts.js
DATA = alt.NamedData(name="points")
QUALITY = ("quality", "Quality and cost")
PARAMETERS = ("parameters", "Swept parameters")
LEFT_OUT = ("$schema", "config", "datasets")


@dataclass(frozen=True)
class ChartOfPage:
    """A chart of a page.

    Attributes:
        name: as ``--figure`` calls it.
        title: its heading.
        caption: how to read it.
        section: the part of the page that it is in, as id and title.
        specs: how to draw it, by metric; by ``""`` if that is the same for all.
    """

    name: str
    title: str
    caption: str
    section: tuple[str, str]
    specs: Mapping[str, Any]


def charts(points: Points) -> list[ChartOfPage]:
    """The charts that there is something to show in."""
    if not points.metrics:
        return []
    found = []
    if points.frame["nfe"].gt(0).any():
        found.append(_quality(points, "pareto", "nfe"))
    if points.frame["seconds"].gt(0).any():
        found.append(_quality(points, "time", "seconds"))
    if {"precision", "recall"} <= set(points.metrics):
        found.append(_tradeoff(points))
    if axes.plane(points):
        found.append(_heatmap(points))
    if axes.curve(points):
        found.append(_curves(points))
    return found


def held(role: str) -> Axis:
    """The place of a parameter that the reader chooses."""
    return Axis(
        field=PLACE.format(role),
        title=PLACE.format(f"{role} title"),
        order=[PLACE.format(f"{role} order")],
        numbers=[PLACE.format(f"{role} numbers")],  # type: ignore[list-item]
        scale="symlog",
    )


def specification(chart: Any) -> Any:
    """A chart as Vega-Lite reads it, without its data."""
    whole = chart.to_dict(validate=False)
    return {key: value for key, value in whole.items() if key not in LEFT_OUT}


def _quality(points: Points, name: str, cost: str) -> ChartOfPage:
    caption = "A mark is a configuration, the mean of its repeats; a line is ± its error."
    if cost == "nfe":
        caption += (
            " The dashed line joins the Pareto set: configurations that no other beats in quality "
            "at equal or lower cost."
        )
    return ChartOfPage(
        name=name,
        title=f"Quality against {'NFE' if cost == 'nfe' else 'wall time'}",
        caption=caption,
        section=QUALITY,
        specs={
            m: specification(quality(DATA, points, m, held("series"), cost)) for m in points.metrics
        },
    )


def _heatmap(points: Points) -> ChartOfPage:
    return ChartOfPage(
        name="heatmap",
        title="Two parameters",
        caption="The other parameters are fixed as chosen above. ✕: no repeat ended ok; details of "
        "a tile say whether the sampler diverged or what else went wrong.",
        section=PARAMETERS,
        specs={
            m: specification(heatmap(DATA, points, m, held("x"), held("y"))) for m in points.metrics
        },
    )


def _curves(points: Points) -> ChartOfPage:
    return ChartOfPage(
        name="iterations",
        title="One parameter",
        caption="A curve joins configurations that differ in nothing but this parameter; "
        f"the best {MOST} of them, if there are more.",
        section=PARAMETERS,
        specs={
            m: specification(curves(DATA, points, m, held("curve"), held("curve series")))
            for m in points.metrics
        },
    )


def _tradeoff(points: Points) -> ChartOfPage:
    return ChartOfPage(
        name="precision_recall",
        title="Precision against recall",
        caption="Precision is the share of samples that lie among the real data, recall the share "
        "of real data that lies among the samples.",
        section=QUALITY,
        specs={"": specification(tradeoff(DATA, points, "recall", "precision", held("series")))},
    )
