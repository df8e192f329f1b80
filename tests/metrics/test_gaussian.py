"""Statistics of features: by hand, far from the origin, merged, and the roots of covariances."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scorebench.errors import UserError
from scorebench.metrics import GaussianAccumulator, GaussianStatistics, gaussian_statistics

laws = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def features(seed: int, count: int = 40, dimension: int = 5) -> np.ndarray:
    """Correlated features of unequal scales and a mean that isn't 0."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(dimension, dimension)) * np.logspace(-2, 1, dimension)
    return rng.normal(size=(count, dimension)) @ mixing + 3 * rng.normal(size=dimension)


def accumulated(*batches: np.ndarray) -> GaussianStatistics:
    accumulator = GaussianAccumulator()
    for batch in batches:
        accumulator.add(batch)
    return accumulator.statistics()


@pytest.mark.parametrize("add", [gaussian_statistics, accumulated])
def test_statistics_of_a_small_set_by_hand(add) -> None:
    statistics = add(np.array([[0, 0], [2, 0], [4, 3]]))
    np.testing.assert_allclose(statistics.mean, [2, 1])
    np.testing.assert_allclose(statistics.covariance, [[4, 3], [3, 3]])
    assert statistics.count == 3
    assert statistics.mean.dtype == statistics.covariance.dtype == np.float64


@laws
@given(seeds, st.integers(2, 12), st.integers(1, 8))
def test_statistics_are_those_of_numpy(seed: int, count: int, dimension: int) -> None:
    x = features(seed, count, dimension)
    expected = np.cov(x, rowvar=False).reshape(dimension, dimension)
    for statistics in (gaussian_statistics(x), accumulated(x)):
        np.testing.assert_allclose(statistics.mean, x.mean(axis=0), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(statistics.covariance, expected, rtol=1e-10, atol=1e-10)
        np.testing.assert_array_equal(statistics.covariance, statistics.covariance.T)


@pytest.mark.parametrize("count", [5000, 3])
def test_statistics_keep_their_precision_far_from_the_origin(count: int) -> None:
    spread = np.random.default_rng(0).integers(-8, 9, size=(count, 4)) / 64
    near = gaussian_statistics(spread)
    # 1000 + n/64 is exact in float32, so nothing but the arithmetic can differ.
    far = gaussian_statistics((1000 + spread).astype(np.float32))
    np.testing.assert_allclose(far.covariance, near.covariance, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(far.mean - 1000, near.mean, atol=1e-11)


@pytest.mark.parametrize("count", [40, 4])
def test_statistics_of_a_tensor_are_those_of_its_array(count: int) -> None:
    x = features(0, count)
    of_tensor = gaussian_statistics(torch.from_numpy(x).requires_grad_())
    np.testing.assert_array_equal(of_tensor.covariance, gaussian_statistics(x).covariance)
    np.testing.assert_array_equal(of_tensor.root, gaussian_statistics(x).root)


@pytest.mark.parametrize("count", [2500, 4])
def test_input_is_not_changed(count: int) -> None:
    x = features(0, count)
    before = x.copy()
    statistics = gaussian_statistics(x)
    assert len(statistics.root) == min(count - 1, 5)
    np.testing.assert_array_equal(x, before)


@laws
@given(seeds, st.lists(st.integers(2, 50), min_size=1, max_size=4))
def test_merged_statistics_are_those_of_the_union(seed: int, counts: list[int]) -> None:
    parts = [features(seed + i, count) for i, count in enumerate(counts)]
    merged = functools.reduce(GaussianStatistics.merge, map(gaussian_statistics, parts))
    whole = gaussian_statistics(np.concatenate(parts))
    for statistics in (merged, accumulated(*parts)):
        assert statistics.count == whole.count
        np.testing.assert_allclose(statistics.mean, whole.mean, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(statistics.covariance, whole.covariance, rtol=1e-10, atol=1e-9)


def test_more_may_be_added_after_statistics_were_taken() -> None:
    x = features(0)
    accumulator = GaussianAccumulator()
    accumulator.add(x[:7])
    first = accumulator.statistics()
    kept = first.covariance.copy()
    accumulator.add(x[7:])
    np.testing.assert_array_equal(first.covariance, kept)
    np.testing.assert_allclose(accumulator.statistics().covariance, np.cov(x.T), rtol=1e-12)


def singular(x: np.ndarray) -> np.ndarray:
    """Features with a column twice and one that is constant."""
    return np.column_stack([x, x[:, 0], np.full(len(x), 0.1)])


@pytest.mark.parametrize("count", [2, 7, 8, 9, 40])
@pytest.mark.parametrize("kind", [np.asarray, singular])
def test_a_root_squares_to_the_covariance_and_is_computed_once(count: int, kind) -> None:
    x = kind(features(1, count, 8))
    whole = gaussian_statistics(x)
    bare = GaussianStatistics(whole.mean, whole.covariance, count)
    for statistics in (whole, bare, accumulated(x)):
        root = statistics.root
        scale = np.trace(whole.covariance)
        np.testing.assert_allclose(root.T @ root, whole.covariance, rtol=0, atol=1e-14 * scale)
        assert len(root) <= min(root.shape)
        if len(root) == root.shape[1]:
            np.testing.assert_array_equal(root, np.triu(root))
        assert statistics.root is root


def test_a_root_of_features_keeps_what_their_covariance_cannot_hold() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2500, 3)) * [1, 1, 1e-10]
    x[:, 1] = x[:, 0] + x[:, 2]  # a difference of 1e-10, and of 1e-20 in the covariance
    values = np.linalg.svd(gaussian_statistics(x[:, :2]).root, compute_uv=False)
    expected = np.linalg.svd(x[:, :2] - x[:, :2].mean(0), compute_uv=False) / np.sqrt(2499)
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_eigenvalues_that_rounding_made_negative_count_as_0() -> None:
    root = GaussianStatistics(np.zeros(3), np.diag([4, -1e-17, 1e-17]), 9).root
    np.testing.assert_allclose(np.abs(root), [[2, 0, 0]])


def test_a_known_root_is_used_and_gives_the_covariance() -> None:
    statistics = GaussianStatistics.with_root(np.zeros(2), np.array([[3.0, 4.0]]), 9)
    assert statistics.root.tolist() == [[3, 4]]
    assert statistics.covariance.tolist() == [[9, 12], [12, 16]]
    assert statistics.count == 9


@pytest.mark.parametrize("add", [gaussian_statistics, accumulated])
def test_one_sample_has_no_covariance(add) -> None:
    with pytest.raises(UserError, match=r"^features: expected at least 2 samples, got 1$"):
        add(np.zeros((1, 3)))


@pytest.mark.parametrize("count", [2, 2500])
def test_features_that_are_not_finite_are_refused(count: int) -> None:
    x = features(0, count)
    x[-1, 2] = np.nan
    with pytest.raises(UserError, match=r"^features: expected finite"):
        gaussian_statistics(x)


@pytest.mark.parametrize("shape", [(9,), (9, 2, 2), (0, 3), (9, 0)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    for add in (gaussian_statistics, accumulated):
        with pytest.raises(UserError, match=r"^features: expected "):
            add(np.zeros(shape))


def test_batches_must_agree_in_dimension_and_there_must_be_some() -> None:
    with pytest.raises(UserError, match=r"^features: expected 3 columns, as before, got 2$"):
        accumulated(np.zeros((4, 3)), np.zeros((4, 2)))
    with pytest.raises(UserError, match=r"^features: expected at least 2 samples, got 0$"):
        accumulated()


def test_what_can_not_be_merged() -> None:
    known = GaussianStatistics(np.zeros(1), np.eye(1), 9)
    with pytest.raises(UserError, match=r"^statistics: .* equal dimension, got 1 and 2$"):
        known.merge(GaussianStatistics(np.zeros(2), np.eye(2), 9))
    with pytest.raises(UserError, match=r"^statistics: expected known numbers of samples"):
        known.merge(GaussianStatistics.with_root(np.zeros(1), np.eye(1)))
