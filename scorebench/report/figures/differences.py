"""How results differ from the first, configuration by configuration, with intervals."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from scorebench.report import columns
from scorebench.report.comparison import Comparison
from scorebench.report.figures.marks import NEUTRAL
from scorebench.report.verdicts import (
    EQUAL,
    FEW,
    IMPROVED,
    LOST,
    REGRESSED,
    UNCHANGED,
    UNSHOWN,
)

UNTESTED = "not tested"  # costs, and metrics of which neither more nor less is better
# Okabe & Ito (2008); shapes say the same again.
LOOKS = {
    IMPROVED: ("#009E73", "triangle-up"),
    REGRESSED: ("#D55E00", "triangle-down"),
    UNSHOWN: ("#56B4E9", "circle"),
    FEW: ("#8A8A8A", "diamond"),
    UNCHANGED: ("#8A8A8A", "square"),
    LOST: ("#E69F00", "cross"),
    EQUAL: ("#8A8A8A", "triangle-right"),
    UNTESTED: ("#8A8A8A", "triangle-left"),
}
STEP = 22  # pixels a configuration
MOST = 100  # of them


def differences(data: Any, comparison: Comparison, metric: str) -> Any:
    """Mean differences and their intervals, beside zero.

    Args:
        data: as ``difference_points`` gives it, of this metric, or its name.
        comparison: what is shown.
        metric: which one.
    """
    way = comparison.better.get(metric)
    told = f"difference in {metric}" + (f" ({way} is better)" if way else "")
    legend = alt.Legend(orient="bottom", columns=3, title=None)
    given = set(difference_points(comparison, metric)["verdict"])
    looks = {verdict: look for verdict, look in LOOKS.items() if verdict in given}
    colours, shapes = ([look[i] for look in looks.values()] for i in (0, 1))
    colour = alt.Color(
        "verdict:N", scale=alt.Scale(domain=list(looks), range=colours), legend=legend
    )
    shape = alt.Shape("verdict:N", scale=alt.Scale(domain=list(looks), range=shapes), legend=legend)
    base = alt.Chart(data, height=alt.Step(STEP)).encode(
        alt.Y("label:N", title=None, sort=None, axis=alt.Axis(labelLimit=320)), colour
    )
    once = alt.Chart(data).transform_aggregate(rows="count()")
    zero = once.mark_rule(color=NEUTRAL).encode(x=alt.datum(0))
    bars = base.mark_rule(strokeWidth=2).encode(alt.X("low:Q", title=told), alt.X2("high:Q"))
    marks = base.mark_point(filled=True, size=80, opacity=1).encode(
        alt.X("difference:Q", title=told),
        shape,
        tooltip=[
            alt.Tooltip("label:N", title="configuration"),
            alt.Tooltip("other:N", title="results"),
            alt.Tooltip("difference:Q", format=".4~g"),
            alt.Tooltip("low:Q", format=".4~g"),
            alt.Tooltip("high:Q", format=".4~g"),
            alt.Tooltip("p:Q", title="p (Holm)", format=".3~g"),
            alt.Tooltip("pairs:Q"),
            alt.Tooltip("verdict:N"),
        ],
    )
    return zero + bars + marks


def difference_points(comparison: Comparison, metric: str) -> pd.DataFrame:
    """A row for every other result and configuration that has a difference in this metric.

    No more than ``MOST``: those that improved or regressed, then the best.
    """
    _, *others = (r.name for r in comparison.results)
    configurations = columns.records(comparison.configurations)
    told = [columns.describe(c, comparison.varying) for c in configurations]
    frames = []
    for name in others:
        key = (name, metric)
        frames.append(
            pd.DataFrame(
                {
                    "other": name,
                    "label": told if len(others) == 1 else [f"{name}: {label}" for label in told],
                    "difference": comparison.differences[key].to_numpy(),
                    "low": comparison.low[key].to_numpy(),
                    "high": comparison.high[key].to_numpy(),
                    "p": comparison.p[key].to_numpy(),
                    "pairs": comparison.pairs.to_numpy(),
                    "verdict": comparison.verdicts[key].replace("", UNTESTED).to_numpy(),
                }
            )
        )
    found = pd.concat(frames, ignore_index=True)
    found = found[found["difference"].notna()]
    shown = found["verdict"].isin([IMPROVED, REGRESSED])
    return pd.concat([found[shown], found[~shown]]).head(MOST).sort_index()
