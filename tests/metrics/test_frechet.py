from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.stats import ortho_group

from scorebench.errors import UserError
from scorebench.metrics import GaussianStatistics, frechet_distance, gaussian_statistics

laws = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def features(seed: int, count: int = 40, dimension: int = 5) -> np.ndarray:
    """Correlated features of unequal scales and a mean that isn't 0."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(dimension, dimension)) * np.logspace(-2, 1, dimension)
    return rng.normal(size=(count, dimension)) @ mixing + 3 * rng.normal(size=dimension)


def gaussian(mean: list[float], covariance: np.ndarray) -> GaussianStatistics:
    return GaussianStatistics(np.array(mean), covariance, 100)


def fid(x: np.ndarray, y: np.ndarray) -> float:
    return frechet_distance(gaussian_statistics(x), gaussian_statistics(y))


def test_statistics_of_a_small_set_by_hand() -> None:
    statistics = gaussian_statistics(np.array([[0, 0], [2, 0], [4, 3]]))
    np.testing.assert_allclose(statistics.mean, [2, 1])
    np.testing.assert_allclose(statistics.covariance, [[4, 3], [3, 3]])
    assert statistics.count == 3
    assert statistics.mean.dtype == statistics.covariance.dtype == np.float64


def test_statistics_keep_their_precision_far_from_the_origin() -> None:
    spread = np.random.default_rng(0).integers(-8, 9, size=(5000, 4)) / 64
    near = gaussian_statistics(spread)
    # 1000 + n/64 is exact in float32, so nothing but the arithmetic can differ.
    far = gaussian_statistics((1000 + spread).astype(np.float32))
    np.testing.assert_allclose(far.covariance, near.covariance, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(far.mean - 1000, near.mean, atol=1e-9)


def test_statistics_of_a_tensor_are_those_of_its_array() -> None:
    x = features(0)
    of_tensor = gaussian_statistics(torch.from_numpy(x).requires_grad_())
    np.testing.assert_array_equal(of_tensor.covariance, gaussian_statistics(x).covariance)


def test_input_is_not_changed() -> None:
    x = features(0)
    before = x.copy()
    gaussian_statistics(x)
    np.testing.assert_array_equal(x, before)


@laws
@given(seeds, st.lists(st.integers(2, 50), min_size=1, max_size=4))
def test_merged_statistics_are_those_of_the_union(seed: int, counts: list[int]) -> None:
    parts = [features(seed + i, count) for i, count in enumerate(counts)]
    merged = functools.reduce(GaussianStatistics.merge, map(gaussian_statistics, parts))
    whole = gaussian_statistics(np.concatenate(parts))
    assert merged.count == whole.count
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(merged.covariance, whole.covariance, rtol=1e-10, atol=1e-9)


def test_root_squares_to_the_covariance_and_is_computed_once() -> None:
    statistics = gaussian_statistics(features(1))
    root = statistics.root
    np.testing.assert_allclose(root @ root, statistics.covariance, rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(root, root.T)
    assert (np.linalg.eigvalsh(root) > 0).all()
    assert statistics.root is root


def test_root_clips_eigenvalues_that_rounding_made_negative() -> None:
    np.testing.assert_allclose(gaussian([0, 0], np.diag([4, -1e-17])).root, np.diag([2, 0]))


def test_a_known_root_is_used() -> None:
    statistics = GaussianStatistics.with_root(np.zeros(1), np.eye(1), 9, np.array([[7.0]]))
    assert statistics.root == 7
    assert statistics.count == 9


@pytest.mark.parametrize(
    ("reference", "generated", "distance"),
    [
        (gaussian([0.0], np.eye(1)), gaussian([3.0], np.eye(1)), 9),
        (gaussian([0.0], np.eye(1)), gaussian([0.0], 9 * np.eye(1)), 4),
        # Commuting covariances: Σ (√λ₁ - √λ₂)².
        (gaussian([1, 2], np.diag([4, 9])), gaussian([1, 0], np.diag([1, 25])), 4 + 1 + 4),
        # A point mass against a Gaussian: nothing overlaps, the trace remains.
        (gaussian([0, 0], np.zeros((2, 2))), gaussian([0, 0], np.diag([2, 3])), 5),
        (gaussian([0, 0], np.diag([1, 0])), gaussian([0, 0], np.diag([0, 1])), 2),
        # Σ₁ = I: tr(I + Σ₂ - 2Σ₂^½), Σ₂ with eigenvalues 1 and 9 in rotated axes.
        (gaussian([0, 0], np.eye(2)), gaussian([0, 0], np.array([[5.0, 4], [4, 5]])), 4),
        # Not commuting: Σ₁Σ₂ = [[5, 4], [16, 20]] has trace 25, determinant 36: √(25 + 2·6) = √37.
        (
            gaussian([0, 0], np.diag([1, 4])),
            gaussian([0, 0], np.array([[5.0, 4], [4, 5]])),
            15 - 2 * np.sqrt(37),
        ),
    ],
)
def test_closed_forms(
    reference: GaussianStatistics, generated: GaussianStatistics, distance: float
) -> None:
    assert frechet_distance(reference, generated) == pytest.approx(distance, abs=1e-12)
    assert frechet_distance(generated, reference) == pytest.approx(distance, abs=1e-12)


@laws
@given(seeds)
def test_it_is_the_published_formula_with_a_matrix_square_root(seed: int) -> None:
    a, b = (gaussian_statistics(features(s)) for s in (seed, seed + 1))
    shift = a.mean - b.mean
    product_root = sqrtm(a.covariance @ b.covariance)
    expected = shift @ shift + np.trace(a.covariance + b.covariance - 2 * product_root)
    assert frechet_distance(a, b) == pytest.approx(expected.real, rel=1e-6)


@laws
@given(seeds, st.integers(2, 60))
def test_identical_inputs_are_at_distance_0_even_if_singular(seed: int, count: int) -> None:
    statistics = gaussian_statistics(features(seed, count, dimension=30))
    distance = frechet_distance(statistics, statistics)
    assert 0 <= distance <= 1e-6 * np.trace(statistics.covariance)


@laws
@given(seeds, st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_scaling_features_by_s_scales_it_by_s_squared(seed: int, s: float, offset: float) -> None:
    x, y = features(seed), features(seed + 1)
    assert fid(s * x + offset, s * y + offset) == pytest.approx(s**2 * fid(x, y), rel=1e-5)


@laws
@given(seeds)
def test_it_is_symmetric_and_ignores_order_and_rotation(seed: int) -> None:
    x, y = features(seed), features(seed + 1, count=33)
    rotation = ortho_group.rvs(x.shape[1], random_state=seed)
    shuffled = np.random.default_rng(seed).permutation(x)
    expected = fid(x, y)
    assert fid(y, x) == pytest.approx(expected, rel=1e-6)
    assert fid(shuffled, y) == pytest.approx(expected, rel=1e-6)
    assert fid(x @ rotation, y @ rotation) == pytest.approx(expected, rel=1e-6)


def test_more_dimensions_than_samples_stay_real_and_finite() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20, 200))
    # Spans of 19 dimensions each: far more spread than overlap, yet some of both.
    spread = np.var(x, axis=0, ddof=1).sum() + np.var(y, axis=0, ddof=1).sum()
    assert 0.1 * spread < fid(x, y) < spread + ((x.mean(0) - y.mean(0)) ** 2).sum()


def test_one_sample_has_no_covariance() -> None:
    with pytest.raises(UserError, match=r"^features: expected at least 2 samples, got 1$"):
        gaussian_statistics(np.zeros((1, 3)))


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(UserError, match=r"^features: expected finite"):
        gaussian_statistics(np.array([[0.0], [np.nan]]))


def test_dimensions_must_agree() -> None:
    a, b = gaussian([0], np.eye(1)), gaussian([0, 0], np.eye(2))
    for compare in (frechet_distance, GaussianStatistics.merge):
        with pytest.raises(UserError, match=r"^statistics: .* equal dimension, got 1 and 2$"):
            compare(a, b)
