"""From a table to configurations, ranked by a metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scorebench.errors import UserError, did_you_mean
from scorebench.report import columns
from scorebench.report.columns import COSTS, Constant
from scorebench.report.numbers import printable


@dataclass(frozen=True)
class Failure:
    """Rows that did not end ``ok`` and say the same.

    Attributes:
        status: how they ended.
        error: what they say.
        count: how many there are.
        example: the configuration of the first.
        fingerprint: of the first; its file has the traceback. Empty in tables made elsewhere.
    """

    status: str
    error: str
    count: int
    example: str
    fingerprint: str


@dataclass(frozen=True)
class Ranking:
    """Configurations, best first. All frames have one row for each, in the same order.

    Attributes:
        configurations: names and parameters as text.
        varying: the columns of it in which they differ.
        constants: the other ones.
        metrics: metric columns, as far as rankable in ``better``.
        means: of each metric, cost and other column of numbers, over the rows that ended ``ok``;
            NaN if one of them is.
        errors: their standard errors; NaN with less than two repeats, and where they overflow.
        repeats: numbers of rows: ``ok`` and ``all``, and the ``status`` of those not ok.
        members: for each row of the table, in its order, the label of its configuration.
        by: what they are ranked by.
        better: ``lower`` or ``higher``, for everything that can be ranked by.
        ranked: how many have a rank; the others come last.
        failures: the most frequent first.
        per: where only the best for each value is left: of these columns.
        chosen: the columns to show, in that order; the usual ones if there are none.
    """

    configurations: pd.DataFrame
    varying: list[str]
    constants: list[Constant]
    metrics: list[str]
    means: pd.DataFrame
    errors: pd.DataFrame
    repeats: pd.DataFrame
    members: pd.Series[int]
    by: str
    better: Mapping[str, str]
    ranked: int
    failures: list[Failure]
    per: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()

    def describe(self, label: int) -> str:
        """A configuration in one line: what tells it from the others."""
        (configuration,) = columns.records(self.configurations.loc[[label]])
        return columns.describe(configuration, self.varying)

    def head(self, number: int) -> Ranking:
        """The same with the best configurations only."""
        return self.only(np.arange(len(self.means)) < number)

    def only(self, kept: NDArray[np.bool_]) -> Ranking:
        """The same with some of the configurations only."""
        return replace(
            self,
            configurations=self.configurations[kept],
            means=self.means[kept],
            errors=self.errors[kept],
            repeats=self.repeats[kept],
            ranked=int(kept[: self.ranked].sum()),
        )


def rank(table: pd.DataFrame, better: Mapping[str, str], by: str | None = None) -> Ranking:
    """Rank the configurations of a table.

    Args:
        table: as a results directory gives it.
        better: for each rankable metric, ``lower`` or ``higher``.
        by: what to rank by: a metric, ``nfe`` or ``seconds``; the first metric unless given.

    Raises:
        UserError: that isn't something to rank by.
    """
    better = {**better, **COSTS}
    by = check_rankable(by, better)
    table = table.reset_index(drop=True)
    texts = columns.texts(table, columns.identifying(table))
    group = texts.groupby(list(texts), sort=False).ngroup()
    configurations = texts.groupby(group).first()
    metrics = columns.metrics(table, [name for name in better if name not in COSTS])
    ok = table["status"] == "ok"
    rows = columns.numbers(table, columns.measured(table, metrics))[ok].groupby(group[ok])
    complete = rows.count().eq(rows.size(), axis=0)
    with np.errstate(over="ignore"):  # of values near the largest there are
        means = rows.mean().where(complete).reindex(configurations.index)
        errors = rows.sem().where(complete).reindex(configurations.index)
    ended = table["status"].map(printable)[~ok].groupby(group[~ok])
    repeats = pd.DataFrame(
        {
            "ok": ok.groupby(group).sum(),
            "all": group.value_counts(),
            "status": ended.agg(lambda told: ", ".join(dict.fromkeys(told))),
        },
        configurations.index,
    ).fillna({"status": ""})
    order, ranked = _order(means, repeats["ok"], by, better)
    varying, constants = columns.split(configurations)
    return Ranking(
        configurations=configurations.loc[order],
        varying=varying,
        constants=constants,
        metrics=metrics,
        means=means.loc[order],
        errors=errors.where(np.isfinite(errors)).loc[order],
        repeats=repeats.loc[order],
        members=group,
        by=by,
        better=better,
        ranked=ranked,
        failures=_failures(table[~ok], texts[~ok], varying),
    )


def best_per(ranking: Ranking, words: Iterable[str]) -> Ranking:
    """The best configuration for each value of these names or parameters; failures of all.

    Raises:
        UserError: there is no such name or parameter.
    """
    names = columns.named(words, list(map(str, ranking.configurations)), "--best-per")
    kept = ~ranking.configurations.duplicated(names).to_numpy()
    return replace(ranking.only(kept), per=tuple(names))


def choose(ranking: Ranking, words: Iterable[str]) -> Ranking:
    """The same with other columns to show: names, parameters and whatever was measured.

    Raises:
        UserError: there is no such column.
    """
    known = [*map(str, ranking.configurations), *map(str, ranking.means)]
    return replace(ranking, chosen=tuple(columns.named(words, known, "--columns")))


def check_rankable(by: str | None, better: Mapping[str, str]) -> str:
    """What to rank by: the first of ``better`` unless given.

    Raises:
        UserError: ``better`` doesn't have it.
    """
    if by is None:
        return next(iter(better))
    if by not in better:
        raise UserError(f"can't sort by {by!r}{did_you_mean(by, better)}")
    return by


def _order(
    means: pd.DataFrame, ok: pd.Series[int], by: str, better: Mapping[str, str]
) -> tuple[pd.Index[int], int]:
    """Row labels from the best on, and how many can be ranked; the first metric breaks ties."""
    finite = means.where(np.isfinite(means))
    signed = {
        name: finite[name] * (1 if better[name] == "lower" else -1)
        for name in (by, next(iter(better)))
    }
    keys = pd.DataFrame({"by": signed[by], "not ok": ok == 0, "tie": signed[next(iter(better))]})
    keys = keys.sort_values(["by", "not ok", "tie"], kind="stable", na_position="last")
    return keys.index, int(finite[by].notna().sum())


def _failures(table: pd.DataFrame, texts: pd.DataFrame, varying: list[str]) -> list[Failure]:
    told = table[["status", "error"]].fillna("").astype(str)
    counts = told.groupby(["status", "error"], sort=False).size()
    first = ~told.duplicated()
    examples = columns.records(texts[first])
    fingerprints = table["fingerprint"][first].fillna("").astype(str)
    found = [
        Failure(
            status=printable(status),
            error=printable(error),
            count=int(count),
            example=columns.describe(example, varying),
            fingerprint=printable(fingerprint),
        )
        for (status, error), count, example, fingerprint in zip(
            counts.index, counts, examples, fingerprints, strict=True
        )
    ]
    return sorted(found, key=lambda failure: -failure.count)
