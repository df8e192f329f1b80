"""The Fréchet distance: closed forms, the laws it keeps, and its accuracy on singular spectra."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
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


def truth(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The distance by singular values of centred features, and tr(Σ₁ + Σ₂)."""
    a, b = ((z - z.mean(axis=0)) / np.sqrt(len(z) - 1) for z in (x, y))
    overlap = np.linalg.svd(b @ a.T, compute_uv=False).sum()
    shift = x.mean(axis=0) - y.mean(axis=0)
    spread = (a**2).sum() + (b**2).sum()
    return shift @ shift + spread - 2 * overlap, spread


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


def same(x: np.ndarray) -> np.ndarray:
    return x


def duplicated(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x[:, 6:], x[:, 6:12]])


def dead(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x[:, 6:], np.full((len(x), 6), 0.1)])


def constant(x: np.ndarray) -> np.ndarray:
    return np.ones_like(x)


@pytest.mark.parametrize("spectra", [(0, 0), (-3, -3), (-8, -8), (-16, 0), (0, -16), (-30, -30)])
@pytest.mark.parametrize("counts", [(90, 90), (90, 12), (12, 90), (12, 9), (24, 25), (25, 25)])
@pytest.mark.parametrize(
    "kinds", [(same, same), (duplicated, same), (same, dead), (dead, duplicated), (same, constant)]
)
def test_it_is_exact_whatever_the_number_of_samples_and_the_rank(
    spectra: tuple[int, int],
    counts: tuple[int, int],
    kinds: tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]],
) -> None:
    rng = np.random.default_rng(0)
    x, y = (
        kind(rng.normal(size=(count, 24)) * np.logspace(0, low / 2, 24) @ axes + 5)
        for low, count, kind, axes in zip(
            spectra, counts, kinds, ortho_group.rvs(24, size=2, random_state=0), strict=True
        )
    )
    expected, spread = truth(x, y)
    a, b = gaussian_statistics(x), gaussian_statistics(y)
    assert frechet_distance(a, b) == pytest.approx(expected, abs=1e-9 * spread)
    assert frechet_distance(b, a) == pytest.approx(expected, abs=1e-9 * spread)
    for count in (0, 90):
        # A covariance of y alone, of samples it isn't said how many.
        bare = GaussianStatistics(b.mean, np.cov(y.T), count)
        assert frechet_distance(a, bare) == pytest.approx(expected, abs=1e-7 * spread)
        assert frechet_distance(bare, a) == pytest.approx(expected, abs=1e-7 * spread)


def test_many_null_directions_do_not_add_up() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 300, 40)) @ rng.normal(size=(40, 120))
    expected, spread = truth(x, y)
    assert fid(x, y) == pytest.approx(expected, abs=1e-11 * spread)
    a, b = (GaussianStatistics(z.mean(axis=0), np.cov(z.T), 300) for z in (x, y))
    assert frechet_distance(a, b) == pytest.approx(expected, abs=1e-7 * spread)


@pytest.mark.parametrize("seed", range(4))
def test_spreads_that_hardly_overlap_are_told_from_rounding(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scales = np.repeat([1, 1e-10], 12)
    axes = ortho_group.rvs(24, random_state=seed)
    x, y = (rng.normal(size=(500, 24)) * scale @ axes for scale in (scales, scales[::-1]))
    expected, spread = truth(x, y)
    assert fid(x, y) == pytest.approx(expected, abs=1e-9 * spread)


@pytest.mark.parametrize("count", [60, 12])
def test_well_conditioned_spectra_take_the_fast_way(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for costly in ("frechet.svdvals", "gaussian.triangle", "gaussian.eigenvalue_root"):
        monkeypatch.setattr(f"scorebench.metrics.{costly}", None)  # not callable
    x, y = np.random.default_rng(0).normal(size=(2, 60, 24)) * np.logspace(0, -2.5, 24)
    generated = gaussian_statistics(y[:count])
    expected, spread = truth(x, y[:count])
    distance = frechet_distance(gaussian_statistics(x), generated)
    assert distance == pytest.approx(expected, abs=1e-12 * spread)
    assert ("covariance" in vars(generated)) == (count > 24)


def test_a_reference_restored_from_its_root_gives_the_same_number() -> None:
    for counts in ((40, 40), (4, 40), (40, 3)):
        a, b = (gaussian_statistics(features(i, n)) for i, n in enumerate(counts))
        restored = GaussianStatistics.with_root(a.mean, np.ascontiguousarray(a.root))
        assert frechet_distance(restored, b) == frechet_distance(a, b)


@laws
@given(seeds, st.integers(2, 60))
def test_identical_inputs_are_at_distance_0_even_if_singular(seed: int, count: int) -> None:
    statistics = gaussian_statistics(features(seed, count, dimension=30))
    distance = frechet_distance(statistics, statistics)
    assert 0 <= distance <= 1e-9 * np.trace(statistics.covariance)


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


def test_float32_features_far_from_the_origin_lose_nothing() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(-32, 33, size=(2, 2500, 8)) / 64
    y *= 0.5
    far = [(1000 + z).astype(np.float32) for z in (x, y)]  # exact
    assert fid(far[0], far[1]) == pytest.approx(fid(x, y), rel=1e-9)


def test_dimensions_must_agree() -> None:
    with pytest.raises(UserError, match=r"^statistics: .* equal dimension, got 1 and 2$"):
        frechet_distance(gaussian([0], np.eye(1)), gaussian([0, 0], np.eye(2)))
