"""Moments against Python's own statistics, and how they follow shifts and scales."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scorebench
from scorebench import Context, Evidence
from scorebench_plugins.metrics.moments import Moments


def draws(seed: int, count: int = 50) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal([1, -2, 5], [1, 2, 0.5], (count, 3))


def measure(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    metric = scorebench.build("metric", "moments")
    state = metric.prepare(Evidence(len(real), vectors=real), Context())
    return dict(metric.compute(state, Evidence(len(fake), vectors=fake)))


def test_columns_are_what_python_computes_coordinate_by_coordinate() -> None:
    real, fake = draws(0), draws(1, 30)
    means, variances = (
        [[function(column) for column in side.T.tolist()] for side in (real, fake)]
        for function in (statistics.fmean, statistics.variance)
    )
    expected = {
        "mean_error": math.dist(means[0], means[1]),
        "variance": statistics.fmean(variances[1]),
        "variance_ratio": statistics.fmean(variances[1]) / statistics.fmean(variances[0]),
    }
    assert measure(real, fake) == pytest.approx(expected, rel=1e-12)


@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100), shift=st.floats(-100, 100))
@settings(max_examples=30, deadline=None)
def test_a_shift_is_an_error_of_the_mean_and_a_scale_one_of_the_variance(
    seed: int, scale: float, shift: float
) -> None:
    real = draws(seed)
    shifted = measure(real, real + np.array([3, 4, 0]) * shift)
    assert shifted["mean_error"] == pytest.approx(5 * abs(shift), rel=1e-9, abs=1e-9)
    assert shifted["variance_ratio"] == pytest.approx(1, rel=1e-9)
    assert measure(real, scale * real)["variance_ratio"] == pytest.approx(scale**2, rel=1e-9)


def test_single_precision_features_far_from_0_keep_their_variance() -> None:
    far = (draws(0, 10_000) + 10_000).astype(np.float32)
    exact = far.astype(np.float64).var(axis=0, ddof=1).mean()
    assert measure(far, far)["variance"] == pytest.approx(exact, rel=1e-12)
    assert abs(float(far.var(axis=0, ddof=1).mean()) - exact) > 1e-6  # in float32 it is lost


def test_a_reference_that_does_not_vary_has_no_ratio() -> None:
    found = measure(np.ones((4, 2)), np.array([[1.0, 1.0], [1.0, 3.0]]))
    assert (found["mean_error"], found["variance"]) == (1, 1)
    assert math.isnan(found["variance_ratio"])


def test_two_samples_are_enough_and_only_the_mean_is_ranked() -> None:
    assert Moments().minimum_samples == 2
    assert all(map(math.isfinite, measure(draws(0, 2), draws(1, 2)).values()))
    assert dict(Moments.better) == {"mean_error": "lower"}
