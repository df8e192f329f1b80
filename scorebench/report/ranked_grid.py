"""The columns of a ranked table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from scorebench.report.columns import ROLES
from scorebench.report.layout import Column, Grid
from scorebench.report.numbers import aligned, count, estimate, rounded
from scorebench.report.ranking import Ranking

ARROWS = {"lower": "↓", "higher": "↑"}


def ranked_grid(full: Ranking, top: int) -> Grid:
    """Place, what differs between configurations, metrics (the one ranked by first) and costs."""
    ranking = full.head(top)
    places = [str(i + 1) if i < ranking.ranked else "" for i in range(len(ranking.means))]
    metrics = sorted(ranking.metrics, key=lambda name: name != ranking.by)
    columns = [
        Column("#", places),
        *parameter_columns(ranking.configurations, ranking.varying),
        *(_metric(ranking, name, weight=len(metrics) - i) for i, name in enumerate(metrics)),
        _cost(ranking, "nfe", list(map(count, ranking.means["nfe"])), weight=len(metrics) + 1),
        *_repeats(full.repeats, top),
        _cost(ranking, "seconds", [rounded(s, digits=3) for s in ranking.means["seconds"]]),
    ]
    return Grid(columns, ranking.ranked)


def parameter_columns(configurations: pd.DataFrame, names: Sequence[str]) -> Iterator[Column]:
    """Names and parameters; where there is little room, parameters without their role."""
    bare = [name.rpartition(".")[2] for name in names]
    for name, brief in zip(names, bare, strict=True):
        cells = configurations[name].tolist()
        short = Column(brief, cells, fold=6) if bare.count(brief) == 1 and brief != name else None
        yield Column(name, cells, right=name not in ROLES, short=short)


def _metric(ranking: Ranking, name: str, weight: int) -> Column:
    pairs = zip(ranking.means[name], ranking.errors[name], strict=True)
    estimates = [estimate(mean, error) for mean, error in pairs]
    mark = ARROWS.get(ranking.better.get(name, ""), "")
    cells = aligned(estimates)
    if name == ranking.by:
        return Column(name, _or_status(ranking, cells), mark, strong=True)
    short = Column(name, [value for value, _ in estimates], mark, weight=weight)
    if not any(error for _, error in estimates):
        return short
    return Column(name, cells, mark, short=short, lacking=f"± of {name}", weight=weight)


def _cost(ranking: Ranking, name: str, cells: Sequence[str], weight: int = -1) -> Column:
    if name == ranking.by:
        return Column(name, _or_status(ranking, cells), strong=True)
    return Column(name, cells, weight=weight)


def _or_status(ranking: Ranking, cells: Sequence[str]) -> list[str]:
    """The column ranked by; configurations without any ok row say how they ended."""
    status = ranking.repeats["status"].where(ranking.repeats["ok"] == 0, "")
    return [told or cell for told, cell in zip(status, cells, strict=True)]


def _repeats(repeats: pd.DataFrame, top: int) -> Iterator[Column]:
    """How many repeats there are, e.g. ``1/2`` where one of two ended ok, if not always all."""
    ok, rows = repeats["ok"], repeats["all"]
    if rows.nunique() > 1 or (ok < rows).any():
        cells = [f"{o}/{r}" if o < r else str(r) for o, r in zip(ok, rows, strict=True)]
        yield Column("repeats", cells[:top], weight=0)
