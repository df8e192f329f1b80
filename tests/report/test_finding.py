from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import permutation_test

from scorebench import stats
from scorebench.report.finding import Best, best_by_metric
from scorebench.report.pareto import pareto_set
from scorebench.report.ranking import Ranking, rank
from scorebench.report.results import read

Write = Callable[..., Path]
BETTER = {"fid": "lower", "recall": "higher"}


def rows(values: NDArray[np.float64], metric: str = "fid", **more: Any) -> list[dict[str, Any]]:
    """A row for every configuration and repeat."""
    return [
        {"sampler.steps": i, "repeat": seed, metric: float(value), **more}
        for i, repeats in enumerate(values)
        for seed, value in enumerate(repeats)
    ]


def simulated_table(draws: NDArray[np.float64]) -> pd.DataFrame:
    """A table of metrics m0, m1, …, of shape (metrics, configurations, seeds)."""
    metrics, configurations, seeds = draws.shape
    names = [f"m{i}" for i in range(metrics)]
    values = pd.DataFrame(draws.reshape(metrics, -1).T, columns=names)
    constants = {"suite": "s", "model": "m", "schedule": "k", "sampler": "heun", "status": "ok"}
    table = values.assign(**constants, error=None, nfe=1.0, seconds=1.0, fingerprint="")
    table["sampler.steps"] = np.repeat(np.arange(configurations), seeds)
    table["seed"] = np.tile(np.arange(seeds), configurations)
    return table


def simulated(draws: NDArray[np.float64]) -> tuple[list[Best], Ranking]:
    """The best by each of many metrics."""
    table = simulated_table(draws)
    ranking = rank(table, {f"m{i}": "lower" for i in range(len(draws))})
    return best_by_metric(table, ranking), ranking


def best_of(folder: Path, metric: str = "fid") -> Best:
    (results,) = read([folder])
    found = best_by_metric(results.table, rank(results.table, results.better))
    return next(best for best in found if best.metric == metric)


def excluded_slowly(values: NDArray[np.float64], sign: int) -> int:
    """By scipy's sign-flip test of each pair with the best, and Bonferroni's inequality."""
    best = (sign * values.mean(axis=1)).argmin()
    others = [own for i, own in enumerate(values) if i != best]
    count = 0
    for other in others:
        loss = sign * (other - values[best])
        p = permutation_test((loss,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
        count += bool(loss.mean() > 0 and p * len(others) <= 0.05)
    return count


@pytest.mark.parametrize(("metric", "sign"), [("fid", 1), ("recall", -1)])
def test_the_excluded_are_those_of_scipy_and_bonferroni(
    write_results: Write, metric: str, sign: int
) -> None:
    values = np.random.default_rng(1).normal(size=(6, 10)) + sign * np.arange(6)[:, None] / 2
    best = best_of(write_results(*rows(values, metric)), metric)
    assert (best.others, best.repeats) == (5, 10)
    assert best.excluded == excluded_slowly(values, sign)
    assert 0 < best.excluded < 5
    assert best.mean == pytest.approx((sign * values.mean(axis=1)).min() * sign)
    assert (best.low, best.high) == pytest.approx(stats.interval(values[0]))
    assert best.error == pytest.approx(values[0].std(ddof=1) / math.sqrt(10))


@pytest.mark.parametrize("gap", [0.0, 0.3])
def test_the_truly_best_is_rarely_excluded(gap: float) -> None:
    """It is, if all others are and another one is taken for the best."""
    rng = np.random.default_rng(0)
    means = np.array([0.0, gap, 1e3, 1e3])[:, None]
    noise = rng.normal(size=(500, 4, 8)) + rng.normal(size=(500, 1, 8))
    found, ranking = simulated(means + noise)
    steps = ranking.configurations["sampler.steps"]
    wrong = [best.excluded == 3 and steps[best.label] != "0" for best in found]
    assert min(best.excluded for best in found) >= 2
    assert sum(wrong) / 500 <= 0.05


def test_of_equals_none_is_often_excluded() -> None:
    found, _ = simulated(np.random.default_rng(0).normal(size=(500, 5, 10)))
    assert np.mean([best.excluded / 5 for best in found]) <= 0.05


def test_values_that_are_not_finite_take_no_part(write_results: Write) -> None:
    values = np.array([[1.0, 2.0], [0.0, math.nan], [-math.inf, -math.inf], [3.0, 4.0]])
    best = best_of(write_results(*rows(values)))
    assert (best.mean, best.others, best.repeats) == (1.5, 2, 2), "one has no value at all"


def test_rows_that_are_not_ok_take_no_part(write_results: Write) -> None:
    made = rows(np.array([[1.0, 2.0, 9.0], [3.0, 3.0, 3.0]]))
    made[2] |= {"status": "diverged", "fid": None}
    best = best_of(write_results(*made))
    assert (best.mean, best.repeats, best.all_repeats) == (1.5, 2, 3)
    assert (best.low, best.high) == (1, 2)


@pytest.mark.parametrize("status", ["ok", "diverged"])
def test_what_lost_repeats_is_not_excluded(write_results: Write, status: str) -> None:
    noise = np.random.default_rng(0).normal(size=10)
    made = rows(np.array([noise, noise + 5, noise + 6]))
    assert best_of(write_results(*made, name="whole")).excluded == 2
    made[-1] |= {"status": status, "fid": None}
    best = best_of(write_results(*made))
    assert (best.others, best.excluded, best.repeats, best.all_repeats) == (2, 1, 10, 10)


def test_what_lost_repeats_excludes_none(write_results: Write) -> None:
    noise = np.random.default_rng(0).normal(size=10)
    made = rows(np.array([noise, noise + 5, noise + 6]))
    made[0] |= {"status": "diverged", "fid": None}
    best = best_of(write_results(*made))
    assert (best.others, best.excluded, best.repeats, best.all_repeats) == (2, 0, 9, 10)


def test_copies_exclude_none(write_results: Write) -> None:
    values = np.array([[1.0] * 10, [2.0] * 10, 2 + np.arange(10) / 10])
    best = best_of(write_results(*rows(values)))
    assert (best.others, best.excluded) == (2, 1), "only the one whose repeats differ"


@pytest.mark.parametrize("repeats", [1, 10])
def test_without_seeds_there_is_an_interval_and_no_test(repeats: int) -> None:
    noise = np.random.default_rng(0).normal(size=repeats)
    table = simulated_table(np.array([noise, noise + 5])[None])
    ranking = rank(table, {"m0": "lower"})
    (best,) = best_by_metric(table.assign(seed=math.nan), ranking)
    assert (best.repeats, best.excluded, best.seeded) == (repeats, 0, False)
    low, high = stats.interval(noise)
    assert [best.low, best.high] == pytest.approx([low, high], nan_ok=True)
    (seeded,) = best_by_metric(table, ranking)
    assert (seeded.excluded, seeded.seeded) == (int(repeats == 10), True)


def test_seeds_are_told_apart_however_large() -> None:
    noise = np.random.default_rng(0).normal(size=10)
    table = simulated_table(np.array([noise, noise + 5])[None])
    table["seed"] = table["seed"].to_numpy() + 2**62
    (best,) = best_by_metric(table, rank(table, {"m0": "lower"}))
    assert best.excluded == 1


def test_huge_values_give_no_warning() -> None:
    table = simulated_table(np.array([[[1e307] * 8, [-1e308, 1e307] * 4]]))
    (best,) = best_by_metric(table, rank(table, {"m0": "lower"}))
    assert best.excluded == 0


def test_one_repeat_has_neither_error_nor_interval(write_results: Write) -> None:
    best = best_of(write_results(*rows(np.array([[1.0], [2.0]]))))
    assert (best.mean, best.repeats, best.others, best.excluded) == (1.0, 1, 1, 0)
    assert all(map(math.isnan, (best.error, best.low, best.high)))


def test_a_lone_configuration_has_no_others(write_results: Write) -> None:
    best = best_of(write_results(*rows(np.array([[1.0, 2.0, 3.0]]))))
    assert (best.others, best.excluded, best.mean) == (0, 0, 2.0)


def test_pairs_are_of_equal_seed_however_seeds_have_gaps(write_results: Write) -> None:
    noise = 100 * np.random.default_rng(0).normal(size=8)
    made = rows(np.array([noise, noise + 1]))
    for row in made:
        row["repeat"] = 10 * row["repeat"] ** 2
    assert best_of(write_results(*reversed(made))).excluded == 1


def test_seeds_that_one_lacks_make_no_pair(write_results: Write) -> None:
    noise = np.random.default_rng(0).normal(size=12)
    made = rows(np.array([noise, noise + 10]))
    apart = [row for row in made if (row["repeat"] < 6) == (row["sampler.steps"] == 0)]
    best = best_of(write_results(*apart, name="apart"))
    assert (best.repeats, best.excluded) == (6, 0)
    assert best_of(write_results(*made)).excluded == 1


def test_with_too_few_pairs_none_is_excluded(write_results: Write) -> None:
    values = np.array([[0.0] * 5, [100.0] * 5]) + np.arange(5)
    assert best_of(write_results(*rows(values))).excluded == 0


def test_the_front_is_the_pareto_set_against_nfe(write_results: Write) -> None:
    made = [
        {"sampler": name, "nfe": nfe, "fid": fid}
        for name, nfe, fid in (("a", 30, 1.0), ("b", 10, 2.0), ("c", 20, 3.0))
    ]
    (results,) = read([write_results(*made)])
    ranking = rank(results.table, results.better)
    best = best_of(results.folder or Path())
    assert list(best.front) == list(pareto_set(ranking.means["nfe"], ranking.means["fid"], "lower"))
    assert ranking.configurations["sampler"][list(best.front)].tolist() == ["b", "a"]


def test_metrics_without_direction_or_value_have_no_best(write_results: Write) -> None:
    folder = write_results({"fid": None, "recall": 0.5, "extra": 3.0})
    (results,) = read([folder])
    found = best_by_metric(results.table, rank(results.table, results.better, "recall"))
    assert [best.metric for best in found] == ["recall"]


def test_a_metric_may_be_called_anything(write_results: Write) -> None:
    folder = write_results(
        *rows(np.array([[1.0, 2.0], [3.0, 4.0]]), "label"), better={"label": "lower"}
    )
    assert best_of(folder, "label").mean == 1.5
