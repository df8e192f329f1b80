"""Two or more results directories, configuration by configuration, paired by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scorebench import stats
from scorebench.report import columns
from scorebench.report.columns import COSTS, Constant
from scorebench.report.matching import Aside, match
from scorebench.report.ranking import check_rankable
from scorebench.report.results import Results
from scorebench.report.surroundings import differing
from scorebench.report.verdicts import FEW, IMPROVED, REGRESSED, UNSHOWN, VERDICTS, evidence


@dataclass(frozen=True)
class Comparison:
    """Results, and how their configurations differ from the first of them.

    The frames have one row for each configuration compared, in the same order: the first results'
    best first. Means and differences are over the same rows, so they agree with one another.

    Attributes:
        results: all of them; the first is what the others are compared with.
        configurations: names and parameters as text.
        varying: the columns of it in which they differ.
        constants: the other ones.
        metrics: what is compared, the one sorted by first; ``nfe`` only where it differs.
        better: ``lower`` or ``higher``, for the rankable ones.
        means: by name of results and metric; NaN where there is nothing to compare.
        differences: means of the differences, by name of the other results and metric.
        errors: their standard errors; NaN with less than two pairs.
        low, high: their 95% bootstrap intervals; NaN with less than two pairs.
        p: of the test that a difference is 0, corrected for all configurations, metrics and other
            results; NaN where there is no test.
        verdicts: of ``scorebench.report.verdicts``; empty for ``nfe``, ``seconds`` and metrics
            without a direction, and where there is nothing to compare.
        pairs: how many seeds, common to all the results that have a configuration, this is from.
        asides: configurations not compared, by reason.
        lone_metrics: by name of results, their metrics that not all have.
        surroundings: what differs between their environments, and by name of results what it is.
    """

    results: Sequence[Results]
    configurations: pd.DataFrame
    varying: list[str]
    constants: list[Constant]
    metrics: list[str]
    better: Mapping[str, str]
    means: pd.DataFrame
    differences: pd.DataFrame
    errors: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    p: pd.DataFrame
    verdicts: pd.DataFrame
    pairs: pd.Series[int]
    asides: list[Aside]
    lone_metrics: Mapping[str, list[str]]
    surroundings: Sequence[tuple[str, Mapping[str, str]]]

    def tally(self, name: str, metric: str) -> dict[str, int]:
        """How many configurations of other results have each verdict, without those of none."""
        counts = self.verdicts[name, metric].value_counts()
        return {verdict: int(counts[verdict]) for verdict in VERDICTS if verdict in counts}

    def repeats_needed(self) -> int | None:
        """With how many repeats anything could be shown; None: it could as it is."""
        verdicts = self.verdicts.to_numpy()
        tested = np.isin(verdicts, [IMPROVED, REGRESSED, UNSHOWN])
        members, few = int(tested.sum()), int((verdicts == FEW).sum())
        most = self.pairs.to_numpy()[tested.any(axis=1)].max(initial=0)
        enough = members and most >= stats.pairs_needed(members)
        return None if enough or members + few == 0 else stats.pairs_needed(members + few)


def compare(results: Sequence[Results], by: str | None = None) -> Comparison:
    """Compare results with the first of them.

    Args:
        results: two or more.
        by: what to sort by: a metric, ``nfe`` or ``seconds``; the first metric unless given.

    Raises:
        UserError: that isn't something they have in common to sort by.
    """
    first, *others = (r.name for r in results)
    shared, lone = _metrics(results)
    better = {m: way for r in reversed(results) for m, way in r.better.items()}
    qualities = {m: better[m] for m in shared if m in better}
    better = {**qualities, **COSTS}
    by = check_rankable(by, better)
    matched = match(results)
    wide = _side_by_side(results, matched.rows, [*shared, *COSTS])
    to_first = pd.concat({name: wide[name] - wide[first] for name in others}, axis=1)
    means, _ = _averages(wide)
    differences, errors = _averages(to_first)
    shown = evidence(wide, first, qualities, matched.intact)
    sign = 1 if better[by] == "lower" else -1
    order = (sign * means[first, by]).sort_values(kind="stable").index
    costs = [c for c in COSTS if c == by or (c == "nfe" and _nfe_differs(differences, others))]
    configurations = matched.configurations.loc[order]
    varying, constants = columns.split(configurations)
    return Comparison(
        results=results,
        configurations=configurations,
        varying=varying,
        constants=constants,
        metrics=sorted([*shared, *costs], key=lambda metric: metric != by),
        better=better,
        means=means.loc[order],
        differences=differences.loc[order],
        errors=errors.loc[order],
        low=shown.low.loc[order],
        high=shown.high.loc[order],
        p=shown.p.loc[order],
        verdicts=shown.verdicts.loc[order],
        pairs=wide.groupby(level="configuration").size().loc[order],
        asides=matched.asides,
        lone_metrics=lone,
        surroundings=differing(results),
    )


def _metrics(results: Sequence[Results]) -> tuple[list[str], dict[str, list[str]]]:
    """The metrics that all results have, and by their names those that not all have."""
    metrics = {r.name: columns.metrics(r.table, r.better) for r in results}
    shared = set.intersection(*map(set, metrics.values()))
    first, *_ = metrics.values()
    lone = {name: [m for m in own if m not in shared] for name, own in metrics.items()}
    return [m for m in first if m in shared], {name: own for name, own in lone.items() if own}


def _side_by_side(
    results: Sequence[Results], rows: pd.DataFrame, quantities: Sequence[str]
) -> pd.DataFrame:
    """Values by configuration and seed, and, in columns, by name of results and quantity."""
    values = pd.concat([columns.numbers(r.table, quantities) for r in results], ignore_index=True)
    of_each = {}
    for r in results:
        own = rows[rows["results"] == r.name]
        by_seed = values.loc[own.index].groupby([own["configuration"], own["seed"]])
        with np.errstate(over="ignore", invalid="ignore"):
            of_each[r.name] = by_seed.mean()
    return pd.concat(of_each, axis=1)


def _averages(values: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Means over the seeds of each configuration, and their standard errors; NaN if one is."""
    grouped = values.groupby(level="configuration")
    complete = grouped.count().eq(grouped.size(), axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        return grouped.mean().where(complete), grouped.sem().where(complete)


def _nfe_differs(differences: pd.DataFrame, others: Sequence[str]) -> bool:
    return any(differences[name, "nfe"].fillna(0).any() for name in others)
