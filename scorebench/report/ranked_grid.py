"""The columns of a ranked table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from scorebench.report.columns import COSTS, ROLES
from scorebench.report.layout import Column, Grid
from scorebench.report.numbers import aligned, count, estimate, rounded
from scorebench.report.ranking import Ranking
from scorebench.store import COUNTS

ARROWS = {"lower": "↓", "higher": "↑"}


def ranked_grid(full: Ranking, top: int) -> Grid:
    """Place, and the columns chosen; the usual ones unless any are."""
    ranking = full.head(top)
    places = [str(i + 1) if i < ranking.ranked else "" for i in range(len(ranking.means))]
    columns = _chosen(ranking) if ranking.chosen else _usual(ranking, full.repeats)
    return Grid([Column("#", places), *columns], ranking.ranked)


def parameter_columns(configurations: pd.DataFrame, names: Sequence[str]) -> Iterator[Column]:
    """Names and parameters; where there is little room, parameters without their role."""
    bare = [name.rpartition(".")[2] for name in names]
    for name, brief in zip(names, bare, strict=True):
        cells = configurations[name].tolist()
        short = Column(brief, cells, fold=6) if bare.count(brief) == 1 and brief != name else None
        yield Column(name, cells, right=name not in ROLES, short=short)


def _chosen(ranking: Ranking) -> list[Column]:
    """Exactly these, however little room there is."""
    names = [name for name in ranking.chosen if name in ranking.configurations]
    told = dict(zip(names, parameter_columns(ranking.configurations, names), strict=True))
    return [told.get(name) or _measured(ranking, name) for name in ranking.chosen]


def _usual(ranking: Ranking, repeats: pd.DataFrame) -> Iterator[Column]:
    """What differs between configurations, metrics (the one ranked by first) and costs."""
    yield from parameter_columns(ranking.configurations, ranking.varying)
    metrics = sorted(ranking.metrics, key=lambda name: name != ranking.by)
    for i, name in enumerate(metrics):
        yield _giving_way(ranking, name, weight=len(metrics) - i)
    yield from _cost(ranking, "nfe", weight=len(metrics) + 1)
    yield from _repeats(repeats, len(ranking.means))
    yield from _cost(ranking, "seconds", weight=-1)


def _cost(ranking: Ranking, name: str, weight: int) -> Iterator[Column]:
    """A cost, if any configuration has it."""
    if name == ranking.by or ranking.means[name].notna().any():
        yield _giving_way(ranking, name, weight)


def _giving_way(ranking: Ranking, name: str, weight: int) -> Column:
    """A column that loses its errors, and then goes, for want of width; not that ranked by."""
    column = _measured(ranking, name)
    if name == ranking.by:
        return column
    column = replace(column, weight=weight)
    values = [cell.partition("±")[0].strip() for cell in column.cells]
    if not any("±" in cell for cell in column.cells):
        return column
    return replace(column, short=replace(column, cells=values), lacking=f"± of {name}")


def _measured(ranking: Ranking, name: str) -> Column:
    """Means ± standard errors; of counts and seconds the means alone."""
    means, errors = ranking.means[name], ranking.errors[name]
    if name in COUNTS:
        cells = list(map(count, means))
    elif name in COSTS:
        cells = [rounded(mean, digits=3) for mean in means]
    else:
        cells = aligned(list(map(estimate, means, errors)))
    is_metric, by = name in ranking.metrics, name == ranking.by
    way = ranking.better.get(name)
    return Column(
        name,
        _or_status(ranking, cells) if by else cells,
        mark=ARROWS.get(way or "", "") if is_metric else "",
        strong=by,
        losses=_losses(means, way) if way and (is_metric or by) else None,
    )


def _losses(means: pd.Series[float], way: str) -> list[float]:
    return (means if way == "lower" else -means).tolist()


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
