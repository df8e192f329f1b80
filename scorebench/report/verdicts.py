"""What pairs of equal seed show: a verdict on every configuration and metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scorebench import stats

IMPROVED = "improved"
REGRESSED = "regressed"
UNSHOWN = "no difference shown"
UNCHANGED = "unchanged"
FEW = "not enough repeats"
VERDICTS = (IMPROVED, REGRESSED, UNSHOWN, UNCHANGED, FEW)


@dataclass(frozen=True)
class Evidence:
    """What differences between two results show. A row for each configuration, metrics in columns.

    Attributes:
        low, high: a 95% bootstrap interval of the mean difference; NaN with less than two pairs.
        p: of the sign-flip test, corrected for all tests here; NaN where there is none.
        verdicts: one of ``VERDICTS``; empty for a metric without a direction, and where a pair
            has no difference.
    """

    low: pd.DataFrame
    high: pd.DataFrame
    p: pd.DataFrame
    verdicts: pd.DataFrame


def evidence(differences: pd.DataFrame, better: Mapping[str, str]) -> Evidence:
    """Test whether differences are 0, as one family of tests.

    Differences that are all exactly 0 need no test and are no members of the family. The test
    goes by the signs alone, given how large differences are, so this choice doesn't bias it.

    Args:
        differences: of metrics, by ``configuration`` and ``seed``.
        better: ``lower`` or ``higher``, for the metrics to test.
    """
    differences = differences.sort_index()
    level = differences.index.get_level_values("configuration")
    labels, starts = np.unique(level, return_index=True)
    pairs = {
        (str(metric), label): values
        for metric in differences
        for label, values in zip(labels, np.split(differences[metric], starts)[1:], strict=True)
    }
    family = {key: d for key, d in pairs.items() if key[0] in better and d.any()}
    rest = {key: d for key, d in pairs.items() if key not in family}
    found = {
        key: difference
        for part in (family, rest)
        for key, difference in zip(part, stats.paired_differences(list(part.values())), strict=True)
    }

    def verdict(metric: str, label: int) -> str:
        difference = found[metric, label]
        if metric not in better or math.isnan(difference.mean):
            return ""
        if (metric, label) not in family:
            return UNCHANGED
        if difference.pairs < stats.LEAST_PAIRS:
            return FEW
        if not difference.significant:
            return UNSHOWN
        return IMPROVED if (difference.mean < 0) == (better[metric] == "lower") else REGRESSED

    def frame(value: Callable[[str, int], Any]) -> pd.DataFrame:
        return pd.DataFrame({m: [value(str(m), c) for c in labels] for m in differences}, labels)

    return Evidence(
        low=frame(lambda *key: found[key].low),
        high=frame(lambda *key: found[key].high),
        p=frame(lambda *key: found[key].p_holm if key in family else math.nan),
        verdicts=frame(verdict),
    )
