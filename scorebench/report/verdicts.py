"""What pairs of equal seed show: a verdict on every configuration and metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scorebench import stats

IMPROVED = "improved"
REGRESSED = "regressed"
UNSHOWN = "no difference shown"
UNCHANGED = "unchanged"
FEW = "not enough repeats"
LOST = "repeats lost"
EQUAL = "repeats all equal"
VERDICTS = (IMPROVED, REGRESSED, UNSHOWN, UNCHANGED, FEW, LOST, EQUAL)
# What those say that need words, for readers.
MEANT = {
    LOST: "some did not end ok or have no value, and those left would be a biased choice",
    EQUAL: "copies of one another, or a metric without noise; neither can be tested",
}

Array = NDArray[np.float64]
Compared = tuple[str, int]  # the name of other results, and a configuration
Test = tuple[str, str, int]  # the name of other results, a metric and a configuration


@dataclass(frozen=True)
class Evidence:
    """What differences from the first results show.

    The frames have a row for each configuration and, in columns, names of other results and
    metrics.

    Attributes:
        low, high: a 95% bootstrap interval of the mean difference; NaN with less than two pairs,
            and where a pair has no difference.
        p: of the sign-flip test, corrected for all tests here; NaN where there is none.
        verdicts: one of ``VERDICTS``; empty for a metric without a direction or without any value,
            and where results lack the configuration.
    """

    low: pd.DataFrame
    high: pd.DataFrame
    p: pd.DataFrame
    verdicts: pd.DataFrame


def evidence(
    values: pd.DataFrame, first: str, better: Mapping[str, str], intact: Mapping[Compared, bool]
) -> Evidence:
    """Test whether the differences of results from the first are 0, as one family of tests.

    Where repeats were lost there is no test, because those left are no random choice: what
    diverges on hard seeds would look better for it. Differences that are all exactly 0 need no
    test and are no members of the family. The test goes by the signs alone, given how large
    differences are, so this choice doesn't bias it. Repeats that are all equal, on both sides, are
    hardly independent ones.

    Args:
        values: by ``configuration`` and ``seed`` and, in columns, by name of results and metric.
        first: the name of the first results.
        better: ``lower`` or ``higher``, for the metrics to test.
        intact: as ``Match`` gives it, by name of other results and configuration.
    """
    values = values.sort_index()
    labels, starts = np.unique(values.index.get_level_values("configuration"), return_index=True)
    names, metrics = (values.columns.get_level_values(i) for i in (0, 1))
    columns = [(n, m) for n, m in zip(names, metrics, strict=True) if n != first]
    pairs: dict[Test, Array] = {}
    settled: dict[Test, str | None] = {}
    for name, metric in columns:
        own, theirs = values[first, metric], values[name, metric]
        split = (np.split(side, starts)[1:] for side in (own, theirs, theirs - own))
        for label, before, after, differences in zip(labels, *split, strict=True):
            whole = intact.get((name, label)) if metric in better else None
            pairs[name, metric, label] = differences
            settled[name, metric, label] = (
                "" if whole is None else _settled(before, after, intact=whole)
            )
    family = {key: d for key, d in pairs.items() if settled[key] is None}
    rest = {key: d for key, d in pairs.items() if settled[key] is not None}
    found = {
        key: difference
        for part in (family, rest)
        for key, difference in zip(part, stats.paired_differences(list(part.values())), strict=True)
    }

    def verdict(key: Test) -> str:
        if (known := settled[key]) is not None:
            return known
        if not found[key].significant:
            return UNSHOWN
        return IMPROVED if (found[key].mean < 0) == (better[key[1]] == "lower") else REGRESSED

    def frame(value: Callable[[Test], Any]) -> pd.DataFrame:
        cells = {(n, m): [value((n, m, label)) for label in labels] for n, m in columns}
        return pd.DataFrame(cells, labels, pd.MultiIndex.from_tuples(columns))

    return Evidence(
        low=frame(lambda key: found[key].low),
        high=frame(lambda key: found[key].high),
        p=frame(lambda key: found[key].p_holm if key in family else math.nan),
        verdicts=frame(verdict),
    )


def _settled(before: Array, after: Array, *, intact: bool) -> str | None:
    """The verdict on pairs that are no matter for a test; None if they are."""
    measured = np.isfinite([before, after])
    if not measured.any():
        return ""
    if not (intact and measured.all()):
        return LOST
    if np.array_equal(before, after):
        return UNCHANGED
    if len(before) > 1 and all((side == side[0]).all() for side in (before, after)):
        return EQUAL
    return FEW if len(before) < stats.LEAST_PAIRS else None
