from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from scorebench import stats
from scorebench.report.verdicts import (
    EQUAL,
    FEW,
    IMPROVED,
    LOST,
    REGRESSED,
    UNCHANGED,
    UNSHOWN,
    Evidence,
)
from scorebench.report.verdicts import evidence as evidence_of_sides

LOWER = {"fid": "lower"}
CLEAR = [1.0, 1.1, 0.9, 1.2, 0.8, 1.05, 0.95, 1.15]
UNCLEAR = [1.0, -1.1, 0.9, -1.2, 0.8, -1.05, 0.95, -1.15]


def differences(*configurations: Sequence[float], metric: str = "fid") -> pd.DataFrame:
    """Of one metric, the configurations numbered from 0 and seeds as well."""
    index = [(c, seed) for c, values in enumerate(configurations) for seed in range(len(values))]
    names = ["configuration", "seed"]
    flat = [value for values in configurations for value in values]
    return pd.DataFrame({metric: flat}, pd.MultiIndex.from_tuples(index, names=names))


def evidence(table: pd.DataFrame, better: dict[str, str], lossy: tuple[int, ...] = ()) -> Evidence:
    """Of results that differ so from the first, whose values are noise, by metric alone."""
    rng = np.random.default_rng(0)
    old = pd.DataFrame(rng.integers(0, 9, table.shape), table.index, table.columns)
    values = pd.concat({"old": old, "new": old + table}, axis=1)
    intact = {("new", c): c not in lossy for c in table.index.unique(0)}
    found = evidence_of_sides(values, "old", better, intact)
    return Evidence(*(frame["new"] for frame in vars(found).values()))


def sides(old: Sequence[float], new: Sequence[float]) -> pd.DataFrame:
    """Values of one configuration and metric in two results."""
    return pd.concat({"old": differences(old), "new": differences(new)}, axis=1)


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
    assert verdicts(found) == [REGRESSED, UNSHOWN, FEW, UNCHANGED, UNCHANGED, LOST, LOST]
    assert found.p["fid"].notna().tolist() == [True, True, *[False] * 5]


def test_the_family_is_all_configurations_and_metrics() -> None:
    fid, recall = differences(CLEAR, UNCLEAR), differences(UNCLEAR, CLEAR, metric="recall")
    both = pd.concat([fid, recall, differences(CLEAR, CLEAR, metric="nfe")], axis=1)
    found = evidence(both, {"fid": "lower", "recall": "higher"})
    single = 2 / 2 ** len(CLEAR)
    assert found.p["fid"].iloc[0] == found.p["recall"].iloc[1] == pytest.approx(4 * single)
    family = [np.array(d) for d in (CLEAR, UNCLEAR, UNCLEAR, CLEAR)]
    expected = [d.p_holm for d in stats.paired_differences(family)]
    assert [*found.p["fid"], *found.p["recall"]] == pytest.approx(expected)


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


def test_repeats_lost_are_no_matter_for_a_test() -> None:
    found = evidence(differences(CLEAR, CLEAR, [0.0] * 8), LOWER, lossy=(0, 2))
    assert verdicts(found) == [LOST, REGRESSED, LOST]
    assert found.p["fid"].notna().tolist() == [False, True, False]
    assert found.p["fid"].iloc[1] == pytest.approx(2 / 2 ** len(CLEAR)), "a family of one"
    assert found.low["fid"].notna().all()


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_values_that_one_side_lost_are_told(lost: float) -> None:
    for old, new in (([lost, *CLEAR], [1.0, *CLEAR]), ([1.0] * 7, [lost] * 7)):
        for one, other in ((old, new), (new, old)):
            found = evidence_of_sides(sides(one, other), "old", LOWER, {("new", 0): True})
            assert found.verdicts["new", "fid"].tolist() == [LOST]
            assert found.p["new", "fid"].isna().all()


def test_a_metric_without_values_has_no_verdict() -> None:
    values = sides([math.nan] * 7, [math.nan] * 7)
    found = evidence_of_sides(values, "old", LOWER, {("new", 0): True})
    assert found.verdicts["new", "fid"].tolist() == [""]


def test_a_configuration_that_results_lack_has_no_verdict() -> None:
    found = evidence_of_sides(sides(CLEAR, [math.nan] * 8), "old", LOWER, {})
    assert found.verdicts["new", "fid"].tolist() == [""]


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ([1.0] * 8, [2.0] * 8, EQUAL),
        ([1.0] * 2, [2.0] * 2, EQUAL),
        ([1.0], [2.0], FEW),
        ([1.0] * 8, [1.0] * 8, UNCHANGED),
        ([1.0] * 8, [2.0] * 7 + [2.5], REGRESSED),
        (CLEAR, [d + 2 for d in CLEAR], REGRESSED),
    ],
)
def test_repeats_that_are_copies_are_not_tested(
    old: list[float], new: list[float], verdict: str
) -> None:
    found = evidence_of_sides(sides(old, new), "old", LOWER, {("new", 0): True})
    assert found.verdicts["new", "fid"].tolist() == [verdict]
    assert found.p["new", "fid"].notna().tolist() == [verdict == REGRESSED]


def test_several_others_are_one_family() -> None:
    rng = np.random.default_rng(0)
    others, runs, wrong = 5, 300, 0
    intact = {(f"new{i}", 0): True for i in range(others)}
    for _ in range(runs):
        values = rng.normal(size=(others + 1, 10)).tolist()
        names = ["old", *(f"new{i}" for i in range(others))]
        of_each = {name: differences(own) for name, own in zip(names, values, strict=True)}
        found = evidence_of_sides(pd.concat(of_each, axis=1), "old", LOWER, intact)
        wrong += bool(found.verdicts.isin([IMPROVED, REGRESSED]).any(axis=None))
    assert wrong / runs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)
