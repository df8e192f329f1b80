from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scorebench import stats

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Array]

SIMULATIONS = 2000


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.normal(size=shape)


def heavy_tailed(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.standard_t(2, size=shape)


def exponential(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.exponential(size=shape) - 1


def log_normal(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return np.exp(rng.normal(size=shape)) - math.exp(0.5)


def p_values(rows: Array) -> Array:
    """Each row tested on its own."""
    return np.array([d.p for d in stats.paired_differences(list(rows))])


def counted(values: list[float]) -> float:
    """The sign-flip test as defined, for differences that are exact in floating point."""
    signs = itertools.product((-1, 1), repeat=len(values))
    sums = [abs(sum(s * v for s, v in zip(row, values, strict=True))) for row in signs]
    return sum(total >= abs(sum(values)) for total in sums) / len(sums)


def expanded(n: int) -> float:
    """The level of one tail in Hesterberg's table: 2.5% widened for n values."""
    t = scipy.stats.t.ppf(0.975, n - 1)
    return float(scipy.stats.norm.cdf(-math.sqrt(n / (n - 1)) * t))


@pytest.mark.parametrize("n", [6, 9, 12])
def test_the_sign_flip_test_is_that_of_scipy(n: int) -> None:
    values = np.random.default_rng(n).normal(0.4, 1, n)
    known = scipy.stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    (found,) = stats.paired_differences([values])
    assert found.p == pytest.approx(known.pvalue, rel=1e-12)
    assert found.p == found.p_holm


@given(st.lists(st.integers(-3, 3), min_size=6, max_size=9))
def test_ties_count_as_reached(whole: list[int]) -> None:
    expected = counted([float(d) for d in whole])
    tenths = np.array(whole) * 0.1  # whose sums are equal only up to rounding
    assert p_values(tenths[None]).tolist() == [pytest.approx(expected, rel=1e-12)]


def test_many_pairs_flip_in_blocks_at_little_loss_of_power() -> None:
    rows = normal(np.random.default_rng(0), (1000, 44)) + 0.4
    p = p_values(rows)
    assert p == pytest.approx(p_values(rows.reshape(-1, 22, 2).sum(axis=2)), rel=1e-9)
    most_powerful = scipy.stats.ttest_1samp(rows, 0, axis=1).pvalue
    assert (p <= 0.05).mean() >= (most_powerful <= 0.05).mean() - 0.05


def test_the_smallest_p_is_that_of_two_sign_vectors() -> None:
    for n in (6, 13, 22):
        assert p_values(np.ones((1, n)))[0] == 2 / 2**n


@pytest.mark.parametrize("draw", [normal, heavy_tailed])
@pytest.mark.parametrize("n", [6, 10, 30])
def test_false_positives_under_the_null(draw: Draw, n: int) -> None:
    p = p_values(draw(np.random.default_rng(n), (SIMULATIONS, n)))
    for level in (0.05, 0.2):
        slack = 3 * math.sqrt(level * (1 - level) / SIMULATIONS)
        assert (p <= level).mean() <= level + slack
    assert (p <= 0.2).mean() >= 0.15  # nor is it idle


def test_the_family_wise_error_rate_of_ten_null_tests() -> None:
    p = p_values(heavy_tailed(np.random.default_rng(0), (SIMULATIONS, 12)))
    wrong = [(stats.holm(family) <= stats.LEVEL).any() for family in p.reshape(-1, 10)]
    assert np.mean(wrong) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / len(wrong))
    assert (p.reshape(-1, 10).min(axis=1) <= 0.05).mean() >= 0.3  # what Holm's correction mends


@pytest.mark.parametrize(("n", "at_least"), [(8, 0.95), (40, 0.999)])
def test_a_clear_shift_is_found(n: int, at_least: float) -> None:
    rows = normal(np.random.default_rng(0), (1000, n)) + 2
    assert (p_values(rows) <= 0.05).mean() >= at_least


def test_holm_by_hand() -> None:
    # In order 0.005·4, 0.01·3, 0.03·2 and 0.04·1, which may not fall below 0.06.
    assert stats.holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.5, 0.9]).tolist() == [1, 1]
    assert stats.holm([]).tolist() == []


@given(st.lists(st.floats(0, 1) | st.just(math.nan), max_size=8))
def test_holm_rejects_step_by_step(p: list[float]) -> None:
    corrected = stats.holm(p)
    left = {i: value for i, value in enumerate(p) if not math.isnan(value)}
    greatest = 0.0
    while left:
        i = min(left, key=lambda i: left[i])
        greatest = max(greatest, min(1.0, left[i] * len(left)))
        assert corrected[i] == pytest.approx(greatest)
        del left[i]
    assert np.isnan(corrected).tolist() == [math.isnan(value) for value in p]


def test_tests_without_enough_pairs_are_no_members_of_the_family() -> None:
    clear, few = np.arange(1.0, 8.0), np.arange(1.0, 6.0)
    broken = np.array([1.0, math.nan, 2, 3, 4, 5, 6])
    alone, *others = stats.paired_differences([clear, few, broken, np.array([])])
    assert alone.p_holm == alone.p == 2 / 2**7
    assert alone.significant
    for other in others:
        assert math.isnan(other.p_holm)
        assert not other.significant
    assert [other.pairs for other in others] == [5, 7, 0]
    assert math.isnan(others[1].mean)
    assert math.isnan(others[1].low)


@pytest.mark.parametrize("tests", [1, 2, 10, 100])
def test_pairs_needed_are_enough_and_no_fewer(tests: int) -> None:
    def significant(pairs: int) -> bool:
        unclear = [np.resize([1.0, -1.0], pairs)] * (tests - 1)
        return stats.paired_differences([np.ones(pairs), *unclear])[0].significant

    pairs = stats.pairs_needed(tests)
    assert significant(pairs)
    assert not significant(pairs - 1)


@pytest.mark.parametrize("n", [2, 4, 5])
def test_few_values_are_resampled_in_all_ways(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    means = np.sort([np.mean(row) for row in itertools.product(values, repeat=n)])
    below = math.floor(expanded(n) * len(means))
    assert stats.interval(values) == pytest.approx((means[below], means[-1 - below]))


@pytest.mark.parametrize("n", [6, 7, 8, 20, 3000])
def test_the_interval_is_that_of_scipy(n: int) -> None:
    values = np.random.default_rng(n).exponential(size=n)
    known = scipy.stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=1 - 2 * expanded(n),
        n_resamples=19_999,
        method="percentile",
        rng=0,
        batch=1000,
    ).confidence_interval
    error = values.std(ddof=1) / math.sqrt(n)
    assert np.subtract(stats.interval(values), known) / error == pytest.approx([0, 0], abs=0.2)


@pytest.mark.parametrize(
    ("draw", "n", "told"),
    [
        (normal, 2, 0.50),
        (normal, 3, 0.75),
        (normal, 4, 0.87),
        (normal, 5, 0.92),
        (normal, 6, 0.93),
        (normal, 10, 0.945),
        (normal, 20, 0.95),
        (exponential, 6, 0.88),
        (exponential, 10, 0.91),
        (exponential, 20, 0.93),
        (log_normal, 6, 0.83),
        (log_normal, 10, 0.86),
        (log_normal, 20, 0.88),
    ],
)
def test_the_coverage_of_the_interval_is_what_is_told(draw: Draw, n: int, told: float) -> None:
    found = stats.paired_differences(list(draw(np.random.default_rng(n), (SIMULATIONS, n))))
    coverage = np.mean([d.low <= 0 <= d.high for d in found])
    rounding, deviation = 0.005, math.sqrt(told * (1 - told) / SIMULATIONS)
    assert coverage == pytest.approx(told, abs=rounding + 2.5 * deviation)


def test_the_interval_needs_two_finite_values() -> None:
    for values in ([], [1.0], [1.0, math.nan], [1.0, math.inf, 2.0]):
        assert all(math.isnan(end) for end in stats.interval(values))
    assert stats.interval([1.0, 3.0]) == (1, 3)


def test_equal_differences() -> None:
    for pairs in (6, 9):
        zero, equal = stats.paired_differences([np.zeros(pairs), np.full(pairs, 0.1)])
        assert (zero.mean, zero.low, zero.high, zero.p) == (0, 0, 0, 1)
        assert (equal.mean, equal.low, equal.high) == (0.1, 0.1, 0.1)
        assert equal.p == 2 / 2**pairs


@given(st.lists(st.floats(-1e308, 1e308), min_size=6, max_size=10))
def test_huge_and_mirrored_differences(values: list[float]) -> None:
    own = np.array(values)
    found, mirrored = stats.paired_differences([own, -own])
    assert own.min() <= found.low <= found.high <= own.max()
    assert own.min() <= found.mean <= own.max()
    assert (mirrored.mean, mirrored.p) == (-found.mean, found.p)


@given(
    st.lists(st.integers(-1000, 1000), min_size=6, max_size=10),
    st.sampled_from([2.0**-900, 2.0**1000]),
)
def test_the_unit_does_not_matter(values: list[int], unit: float) -> None:
    own = np.array(values, dtype=float)
    plain, scaled = stats.paired_differences([own, own * unit])
    assert (plain.low * unit, plain.high * unit, plain.p) == (scaled.low, scaled.high, scaled.p)


def test_numbers_are_the_same_whenever_and_with_whatever_asked() -> None:
    rows = list(np.random.default_rng(0).normal(size=(300, 9)))
    alone = [stats.paired_differences([row])[0] for row in rows[::100]]
    for one, same in zip(alone, stats.paired_differences(rows)[::100], strict=True):
        assert (one.mean, one.p) == (same.mean, same.p)
        assert (one.low, one.high) == pytest.approx((same.low, same.high), rel=1e-12)
