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
        all_repeats: how many there are; the others did not end ok.
        seeded: whether all rows have a seed to pair them by.
        others: how many configurations have a value, too.
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
    all_repeats: int
    seeded: bool
    others: int
    excluded: int
    front: Sequence[int]


def best_by_metric(table: pd.DataFrame, ranking: Ranking) -> list[Best]:
    """The best configuration by each metric that has a direction and a value.

    With 95% confidence the truly best configuration is among those that aren't excluded. One is if
    the best observed is better than it, paired by seed, at a level of 5% divided by the number of
    others. This is multiple comparison with the best (Hsu 1984, The Annals of Statistics 12(3)) by
    Bonferroni's inequality: to exclude the truly best, one of its comparisons with the others would
    have to be wrong. Choosing the best after looking is thereby accounted for. Where some repeats
    did not end ok or have no value, those left would be a biased choice, so that nothing is tested
    against them, and nothing either where all repeats are equal on both sides: they are copies, or
    the metric is without noise.

    Args:
        table: the rows that were ranked.
        ranking: of them.
    """
    names = [m for m in ranking.metrics if m in ranking.better]
    table = table.reset_index(drop=True)
    values = columns.numbers(table, names).where(table["status"] == "ok")
    seeds, _ = pd.factorize(table["seed"], sort=True)  # -1 where there is none
    index = pd.MultiIndex.from_arrays([ranking.members, seeds], names=["label", "seed"])
    values = values.where(np.isfinite(values)).set_axis(index)
    found = (_best(ranking, metric, values[metric]) for metric in names)
    return [best for best in found if best is not None]


def _best(ranking: Ranking, metric: str, values: pd.Series[float]) -> Best | None:
    """The best by one metric, given its values by label and seed; NaN where a repeat has none."""
    way = ranking.better[metric]
    means = ranking.means[metric].replace([np.inf, -np.inf], np.nan).dropna()
    if means.empty:
        return None
    label = int(means.index[int((means if way == "lower" else -means).argmin())])
    others = int((values.groupby(level="label").count().drop(label) > 0).sum())
    own = values.xs(label, level="label")
    low, high = stats.interval(own.dropna().to_numpy())
    tests = _tests(values * (1 if way == "lower" else -1), label)
    return Best(
        metric=metric,
        way=way,
        label=label,
        mean=float(means[label]),
        error=float(ranking.errors[metric][label]),
        low=low,
        high=high,
        repeats=int(own.count()),
        all_repeats=len(own),
        seeded=bool((values.index.get_level_values("seed") >= 0).all()),
        others=others,
        excluded=sum(test.mean > 0 and test.p * others <= stats.LEVEL for test in tests),
        front=list(pareto_set(ranking.means["nfe"], ranking.means[metric], way)),
    )


def _tests(losses: pd.Series[float], label: int) -> list[stats.PairedDifference]:
    """How much more others lose than the best, paired by seed; without those not to be tested."""
    repeats = losses.groupby(level="label")
    intact = repeats.count() == repeats.size()
    if not intact[label]:
        return []
    equal = repeats.min() == repeats.max()
    testable = intact & ~(equal & equal[label])
    tested = intact.index[testable & (intact.index != label)]
    seeded = losses[losses.index.get_level_values("seed") >= 0]
    by_seed = seeded.groupby(level=["seed", "label"]).mean().unstack("label")
    by_seed = by_seed.reindex(columns=[label, *tested])
    more = by_seed[tested].sub(by_seed[label], axis=0)
    return stats.paired_differences([column.dropna().to_numpy() for _, column in more.items()])
