"""What a sweep found, as far as its repeats support it: the best, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scorebench import stats
from scorebench.report import columns
from scorebench.report.pareto import pareto_set
from scorebench.report.ranking import Ranking


@dataclass(frozen=True)
class Best:
    """The best configuration by one metric.

    Attributes:
        metric: the column.
        way: ``lower`` or ``higher``, whichever is better.
        label: the configuration's, in the ranking's frames.
        mean: over its repeats.
        error: its standard error; NaN with one repeat.
        low, high: a bootstrap interval of that mean; NaN with one repeat.
        repeats: how many it is from.
        others: how many configurations it is compared with.
        excluded: how many of these are shown not to be the best one.
        front: labels of the Pareto set of this metric against evaluations, cheapest first.
    """

    metric: str
    way: str
    label: int
    mean: float
    error: float
    low: float
    high: float
    repeats: int
    others: int
    excluded: int
    front: Sequence[int]


def best_by_metric(table: pd.DataFrame, ranking: Ranking) -> list[Best]:
    """The best configuration by each metric that has a direction and a value.

    With 95% confidence the truly best configuration is among those that aren't excluded. One is if
    the best observed is better than it, paired by seed, at a level of 5% divided by the number of
    others. This is multiple comparison with the best (Hsu 1984, The Annals of Statistics 12(3)) by
    Bonferroni's inequality: to exclude the truly best, one of its comparisons with the others would
    have to be wrong. Choosing the best after looking is thereby accounted for.

    Args:
        table: the rows that were ranked.
        ranking: of them.
    """
    names = [m for m in ranking.metrics if m in ranking.better]
    ok = (table["status"] == "ok").to_numpy()
    values = columns.numbers(table.reset_index(drop=True), [*names, "seed"])[ok]
    by_seed = values.groupby([values["seed"], ranking.members[ok]])
    found = (_best(ranking, metric, by_seed[metric].mean().unstack()) for metric in names)
    return [best for best in found if best is not None]


def _best(ranking: Ranking, metric: str, by_seed: pd.DataFrame) -> Best | None:
    """The best by one metric, whose values are given by seed and, in columns, label."""
    way = ranking.better[metric]
    means = ranking.means[metric].replace([np.inf, -np.inf], np.nan).dropna()
    if means.empty:
        return None
    label = int(means.index[int((means if way == "lower" else -means).argmin())])
    by_seed = by_seed.reindex(columns=means.index)
    own, others = by_seed[label].dropna(), by_seed.drop(columns=label)
    losses = others.sub(own, axis=0) * (1 if way == "lower" else -1)
    tests = stats.paired_differences([loss.dropna().to_numpy() for _, loss in losses.items()])
    low, high = stats.interval(own.to_numpy())
    return Best(
        metric=metric,
        way=way,
        label=label,
        mean=float(means[label]),
        error=float(ranking.errors[metric][label]),
        low=low,
        high=high,
        repeats=len(own),
        others=len(tests),
        excluded=sum(test.mean > 0 and test.p * len(tests) <= stats.LEVEL for test in tests),
        front=list(pareto_set(ranking.means["nfe"], ranking.means[metric], way)),
    )
