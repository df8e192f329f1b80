from __future__ import annotations

import numpy as np
import pytest
import torch

from scorebench.errors import UserError
from scorebench.metrics import (
    GaussianStatistics,
    frechet_distance,
    frechet_interval,
    gaussian_statistics,
)

STANDARD = GaussianStatistics(np.zeros(3), np.eye(3), 0)


def draws(seed: int, count: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.3, 1.5, size=(count, 3))


def test_it_covers_the_expected_distance_as_often_as_it_says() -> None:
    samples = [draws(i) for i in range(200)]
    expected = np.mean([frechet_distance(STANDARD, gaussian_statistics(x)) for x in samples])
    intervals = [frechet_interval(STANDARD, x, groups=8, confidence=0.8) for x in samples]
    covered = np.mean([low <= expected <= high for low, high in intervals])
    assert covered == pytest.approx(0.8, abs=0.085)  # three standard errors


def test_of_two_groups_by_hand() -> None:
    x = draws(0)
    whole, even, odd = (
        frechet_distance(STANDARD, gaussian_statistics(part)) for part in (x, x[1::2], x[::2])
    )
    # s = √(2 - 1)·√v with v = ((even - odd)/2)², and the quantile of one degree of freedom at
    # 75 % is tan(π/4) = 1.
    reach = abs(even - odd) / 2
    for features in (x, torch.from_numpy(x)):
        interval = frechet_interval(STANDARD, features, groups=2, confidence=0.5)
        assert interval == pytest.approx((whole - reach, whole + reach), rel=1e-9)


def test_its_lower_end_is_not_negative() -> None:
    low, high = frechet_interval(STANDARD, draws(0, 6), groups=3)
    assert low == 0 < high


@pytest.mark.parametrize("groups", [1, 21])
def test_groups_must_exist_and_hold_samples(groups: int) -> None:
    with pytest.raises(UserError, match=f"^groups: expected 2 to 20, .* got {groups}$"):
        frechet_interval(STANDARD, draws(0, 20), groups)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 2.0, float("nan")])
def test_confidence_is_between_0_and_1(confidence: float) -> None:
    with pytest.raises(UserError, match=r"^confidence: expected a number between 0 and 1, got"):
        frechet_interval(STANDARD, draws(0, 20), confidence=confidence)
