from __future__ import annotations

import numpy as np
import pytest
import torch

from scorebench.errors import UserError
from scorebench.metrics import (
    GaussianStatistics,
    fid_infinity,
    frechet_distance,
    gaussian_statistics,
)

STANDARD = GaussianStatistics(np.zeros(4), np.eye(4), 0)


def draws(seed: int, count: int = 1000) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 4))


def test_it_removes_the_bias_that_few_samples_have() -> None:
    # The draws are the reference's own: the distance without bias is 0.
    plain = [frechet_distance(STANDARD, gaussian_statistics(draws(i, 200))) for i in range(40)]
    extrapolated = [fid_infinity(STANDARD, draws(i, 200), sizes=5) for i in range(40)]
    error = np.std(extrapolated) / np.sqrt(40)
    assert np.mean(plain) > 4 * error
    assert abs(np.mean(extrapolated)) < 3 * error


def test_it_is_the_intercept_of_a_line_through_distances_of_subsets() -> None:
    x = draws(0)
    rng = np.random.default_rng(7)
    sizes = [100, 550, 1000]
    distances = []
    for size in sizes:
        subset = x[rng.permutation(1000)[:size]]
        shift, covariance = subset.mean(axis=0), np.cov(subset.T)
        overlap = np.sqrt(np.linalg.eigvalsh(covariance)).sum()
        distances.append(shift @ shift + 4 + np.trace(covariance) - 2 * overlap)
    line = np.column_stack([np.ones(3), 1 / np.array(sizes)])
    expected = np.linalg.lstsq(line, np.array(distances), rcond=None)[0][0]
    assert fid_infinity(STANDARD, x, sizes=3, seed=7) == pytest.approx(expected, rel=1e-9)
    assert fid_infinity(STANDARD, torch.from_numpy(x), sizes=3, seed=7) == pytest.approx(expected)
    assert fid_infinity(STANDARD, x, sizes=3, seed=8) != pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("count", "sizes", "reason"),
    [
        (19, 15, "features: expected at least 20 samples, got 19"),
        (50, 1, "sizes: expected at least 2, got 1"),
    ],
)
def test_a_line_needs_points(count: int, sizes: int, reason: str) -> None:
    with pytest.raises(UserError, match=f"^{reason}$"):
        fid_infinity(STANDARD, draws(0, count), sizes)
