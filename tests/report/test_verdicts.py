from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from scorebench import stats
from scorebench.report.verdicts import (
    FEW,
    IMPROVED,
    REGRESSED,
    UNCHANGED,
    UNSHOWN,
    Evidence,
    evidence,
)

LOWER = {"fid": "lower"}
CLEAR = [1.0, 1.1, 0.9, 1.2, 0.8, 1.05, 0.95, 1.15]
UNCLEAR = [1.0, -1.1, 0.9, -1.2, 0.8, -1.05, 0.95, -1.15]


def differences(*configurations: Sequence[float], metric: str = "fid") -> pd.DataFrame:
    """Of one metric, the configurations numbered from 0 and seeds as well."""
    index = [(c, seed) for c, values in enumerate(configurations) for seed in range(len(values))]
    names = ["configuration", "seed"]
    flat = [value for values in configurations for value in values]
    return pd.DataFrame({metric: flat}, pd.MultiIndex.from_tuples(index, names=names))


def verdicts(found: Evidence, metric: str = "fid") -> list[str]:
    return found.verdicts[metric].tolist()


def test_which_way_is_better_decides() -> None:
    table = differences(CLEAR, [-d for d in CLEAR])
    assert verdicts(evidence(table, LOWER)) == [REGRESSED, IMPROVED]
    assert verdicts(evidence(table, {"fid": "higher"})) == [IMPROVED, REGRESSED]


def test_a_metric_without_a_direction_has_an_interval_only() -> None:
    found = evidence(differences(CLEAR, metric="seconds"), LOWER)
    assert verdicts(found, "seconds") == [""]
    assert math.isnan(found.p["seconds"].iloc[0])
    assert found.low["seconds"].iloc[0] <= np.mean(CLEAR) <= found.high["seconds"].iloc[0]


def test_all_verdicts() -> None:
    table = differences(CLEAR, UNCLEAR, CLEAR[:5], [0.0] * 3, [0.0], [math.nan, *CLEAR], [math.inf])
    found = evidence(table, LOWER)
    assert verdicts(found) == [REGRESSED, UNSHOWN, FEW, UNCHANGED, UNCHANGED, "", ""]
    assert found.p["fid"].notna().tolist() == [True, True, *[False] * 5]


def test_the_family_is_all_configurations_and_metrics() -> None:
    fid, recall = differences(CLEAR, UNCLEAR), differences(UNCLEAR, CLEAR, metric="recall")
    both = pd.concat([fid, recall, differences(CLEAR, CLEAR, metric="nfe")], axis=1)
    found = evidence(both, {"fid": "lower", "recall": "higher"})
    single = 2 / 2 ** len(CLEAR)
    assert found.p["fid"].iloc[0] == found.p["recall"].iloc[1] == pytest.approx(4 * single)
    family = [np.array(d) for d in (CLEAR, UNCLEAR, UNCLEAR, CLEAR)]
    expected = [d.p_holm for d in stats.paired_differences(family)]
    assert [*found.p["fid"], *found.p["recall"]] == expected


def test_what_did_not_change_does_not_dilute_the_family() -> None:
    same = [[0.0] * len(CLEAR)] * 50
    found = evidence(differences(CLEAR, *same), LOWER)
    assert verdicts(found) == [REGRESSED, *[UNCHANGED] * 50]
    assert found.p["fid"].iloc[0] == 2 / 2 ** len(CLEAR)


def test_leaving_out_what_did_not_change_keeps_the_error_rate() -> None:
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        rows = rng.normal(size=(6, 9)).round() * rng.integers(0, 2, size=(6, 1))
        found = evidence(differences(*rows.tolist()), LOWER)
        wrong += bool(found.verdicts.isin([IMPROVED, REGRESSED]).any(axis=None))
    assert wrong / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_the_order_of_rows_does_not_matter() -> None:
    table = differences(CLEAR, UNCLEAR[:4], CLEAR[:6])
    mixed = table.sample(frac=1, random_state=0)
    for one, same in zip(
        vars(evidence(table, LOWER)).values(), vars(evidence(mixed, LOWER)).values(), strict=True
    ):
        pd.testing.assert_frame_equal(one, same)


def test_nothing_to_compare() -> None:
    found = evidence(differences(), LOWER)
    assert found.verdicts.empty
    assert list(found.verdicts) == ["fid"]
