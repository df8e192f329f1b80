from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scorebench.errors import UserError
from scorebench.metrics import kernel_distance, self_similarity, squared_mmd
from scorebench.metrics.kernel_distance import BLOCK

laws = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def draw(seed: int, count: int = 30, dimension: int = 4, mean: float = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, size=(count, dimension))


def by_pairs(x: np.ndarray, y: np.ndarray) -> float:
    """The estimator's definition, pair by pair."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    def within(z: np.ndarray) -> float:
        pairs = [(i, j) for i in range(len(z)) for j in range(len(z)) if i != j]
        return float(np.mean([kernel(z[i], z[j]) for i, j in pairs]))

    return within(x) + within(y) - 2 * float(np.mean([kernel(a, b) for a in x for b in y]))


@laws
@given(seeds, st.integers(2, 9), st.integers(2, 9), st.floats(-5, 5))
def test_it_is_its_definition(seed: int, count: int, other: int, mean: float) -> None:
    x, y = draw(seed, count), draw(seed + 1, other, mean=mean)
    expected = by_pairs(x, y)
    assert squared_mmd(x, y) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    known = self_similarity(x)
    assert squared_mmd(x, y, similarity=known) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_many_samples_are_taken_in_blocks() -> None:
    x, y = draw(0, 1100), draw(1, 2100, mean=1)
    assert len(x) > BLOCK
    assert len(y) > 2 * BLOCK
    kernels = [(a @ b.T / 4 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in kernels[:2]]
    expected = sum(within) - 2 * kernels[2].mean()
    assert squared_mmd(x, y) == pytest.approx(expected, rel=1e-9)


def test_of_two_gaussians_it_is_known() -> None:
    # In one dimension E(xy + 1)³ = 1 + 3·m₁n₁ + 3·m₂n₂ + m₃n₃ with the moments of N(0, 1), 0, 1, 0,
    # and of N(1, 1), 1, 2, 4: 1 + 3·1, 1 + 3 + 12 + 16 and 1 + 0 + 6 + 0 twice.
    values = [squared_mmd(draw(i, 400, 1), draw(i + 99, 400, 1, mean=1)) for i in range(60)]
    error = np.std(values) / np.sqrt(len(values))
    assert np.mean(values) == pytest.approx(4 + 32 - 14, abs=4 * error)
    assert error < 1


def test_it_is_unbiased_where_both_sides_are_alike() -> None:
    values = [squared_mmd(draw(2 * i, 5), draw(2 * i + 1, 8)) for i in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    assert np.mean(np.array(values) < 0) == pytest.approx(0.5, abs=0.2)


@laws
@given(seeds)
def test_order_and_rotations_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = draw(seed), draw(seed + 1, 25, mean=0.5)
    value, subsets = squared_mmd(x, y), kernel_distance(x, y, subsets=3, subset_size=8)
    turned = rng.permutation(x), rng.permutation(y)
    assert squared_mmd(*turned) == pytest.approx(value, rel=1e-9)
    assert kernel_distance(*turned, subsets=3, subset_size=8) == pytest.approx(subsets, rel=1e-9)
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    assert squared_mmd(x @ rotation, y @ rotation) == pytest.approx(value, rel=1e-9)
    assert squared_mmd(y, x) == pytest.approx(value, rel=1e-9)


@laws
@given(seeds, st.floats(-50, 50))
def test_a_coordinate_that_all_share_makes_products_larger(seed: int, shared: float) -> None:
    # (x·y + s²)/(d + 1) + 1 in place of x·y/d + 1: what centring must not take away
    x, y = draw(seed, 8), draw(seed + 1, 7)
    wide = [np.hstack([z, np.full((len(z), 1), shared)]) for z in (x, y)]
    expected = by_pairs(*wide)
    assert squared_mmd(*wide) == pytest.approx(expected, rel=1e-9, abs=1e-9 * (1 + shared**4))


@pytest.mark.parametrize("offset", [0, 1, 30])
def test_float32_features_lose_nothing_to_speak_of(offset: float) -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.exponential(1, size=(200, 300)).astype(np.float32) + offset for _ in range(2))
    x, y = x.astype(np.float32), y.astype(np.float32)
    exact = squared_mmd(x.astype(np.float64), y.astype(np.float64))
    spread = 3 * (1 + offset**2 + 2 * offset) ** 2  # of kernels, per unit of x·y/d
    assert squared_mmd(x, y) == pytest.approx(exact, abs=5e-9 * spread)
    assert squared_mmd(torch.from_numpy(x), torch.from_numpy(y)) == squared_mmd(x, y)


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e30), (np.float64, 1e48)])
def test_large_numbers_do_not_overflow(dtype: type, size: float) -> None:
    x, y = (size * np.eye(4)[[0, 0, 1]]).astype(dtype), (size * np.eye(4)[[0, 0]]).astype(dtype)
    # among the three one pair in three is of equal vectors, between both sides two in three
    expected = (1 / 3 + 1 - 2 * 2 / 3) * (size**2 / 4) ** 3
    assert expected == 0
    assert squared_mmd(x, y) == pytest.approx(0, abs=1e-6 * (size**2 / 4) ** 3)
    assert squared_mmd(x, -y) == pytest.approx((1 / 3 + 1 + 4 / 3) * (size**2 / 4) ** 3, rel=1e-6)


def test_kid_is_the_mean_over_seeded_subsets_without_replacement() -> None:
    x, y = draw(0, 12, 1), draw(1, 9, 1, mean=1)
    mean, std = kernel_distance(x, y, subsets=400, subset_size=4)
    assert kernel_distance(x, y, subsets=400, subset_size=4) == (mean, std)
    assert kernel_distance(x, y, subsets=400, subset_size=4, seed=1) != (mean, std)
    rng = np.random.default_rng(0)
    values = [
        by_pairs(rng.choice(x, 4, replace=False), rng.choice(y, 4, replace=False))
        for _ in range(400)
    ]
    assert std == pytest.approx(np.std(values), rel=0.25)
    assert mean == pytest.approx(np.mean(values), abs=5 * std / np.sqrt(400))
    # all subsets have this mean, so that of many is near it
    assert mean == pytest.approx(squared_mmd(x, y), abs=4 * std / np.sqrt(400))


def test_a_large_reference_does_not_overflow_small_samples_in_float32() -> None:
    rng = np.random.default_rng(0)
    reference, features = 1e46 * rng.normal(size=(20, 3)), rng.normal(size=(20, 3))
    found = squared_mmd(reference, features.astype(np.float32))
    assert found == pytest.approx(squared_mmd(reference, features))


def test_subsets_are_no_larger_than_the_smaller_side() -> None:
    x, y = draw(0, 40), draw(1, 6, mean=1)
    assert kernel_distance(x, y, 5, 1000) == kernel_distance(x, y, 5, 6)
    assert kernel_distance(x, y, 5, 1000)[1] > 0
    assert kernel_distance(x[:6], y, 5) == (pytest.approx(squared_mmd(x[:6], y), rel=1e-12), 0)


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        (np.zeros((1, 3)), np.zeros((5, 3)), "^reference features: expected at least 2 samples"),
        (np.zeros((5, 3)), np.zeros((1, 3)), "^features: expected at least 2 samples, got 1"),
        (np.zeros((5, 3)), np.zeros((0, 3)), "^features: expected at least 2 samples, got 0"),
        (np.zeros((5, 3)), np.zeros((5, 2)), "^features: expected 3 columns, as the reference fea"),
        (np.zeros((5, 3)), np.full((5, 3), np.nan), "^features: expected finite"),
        (np.full((5, 3), np.inf), np.zeros((5, 3)), "^reference features: expected finite"),
    ],
)
def test_bad_features_are_named(first: np.ndarray, second: np.ndarray, rule: str) -> None:
    for compute in (kernel_distance, squared_mmd):
        with pytest.raises(UserError, match=rule):
            compute(first, second)


def test_bad_parameters_are_named() -> None:
    with pytest.raises(UserError, match=r"^subsets: expected at least 1, got 0$"):
        kernel_distance(draw(0), draw(1), subsets=0)
    with pytest.raises(UserError, match=r"^subset_size: expected at least 2, got 1$"):
        kernel_distance(draw(0), draw(1), subset_size=1)
    with pytest.raises(UserError, match=r"^features: expected at least 2 samples"):
        self_similarity(draw(0, 1))
