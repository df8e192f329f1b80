from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from scorebench.errors import UserError
from scorebench.metrics import authenticity, nearest

laws = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def draw(seed: int, count: int, dimension: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimension))


def by_definition(train: np.ndarray, features: np.ndarray) -> float:
    among = cdist(train, train)
    np.fill_diagonal(among, np.inf)
    authentic = []
    for distances in cdist(features, train):
        closest = int(distances.argmin())
        authentic.append(distances[closest] > among[closest].min())
    return float(np.mean(authentic))


@laws
@given(seeds, st.integers(2, 30), st.integers(1, 30))
def test_it_is_its_definition(seed: int, count: int, other: int) -> None:
    train, features = draw(seed, count), 1.5 * draw(seed + 1, other)
    expected = by_definition(train, features)
    assert authenticity(train, features) == expected
    assert authenticity(train, features, spacing=nearest(train)[0]) == expected


def test_of_copies_it_is_0_and_of_far_samples_1() -> None:
    train = draw(0, 40)
    assert authenticity(train, train) == 0
    assert authenticity(train, train[[3, 3, 5]]) == 0
    assert authenticity(train, train + 100) == 1
    mixed = np.vstack([train[:30], train[:10] + 100])
    assert authenticity(train, mixed) == 0.25


def test_an_equal_distance_is_not_authentic() -> None:
    train = np.array([[0.0], [2.0], [10.0]])
    assert authenticity(train, np.array([[-2.0], [4.0]])) == 0
    assert authenticity(train, np.array([[-2.0], [4.0001]])) == 0.5
    # next to a training sample that is there twice everything but a copy is
    twice = np.array([[0.0], [0.0], [10.0]])
    assert authenticity(twice, np.array([[0.0], [1e-9]])) == 0.5


@pytest.mark.parametrize(("dimension", "share"), [(1, 1 / 3), (2, 0.3785)])
def test_new_samples_are_rarely_the_nearest_of_their_nearest(dimension: int, share: float) -> None:
    # the share of points that aren't: 1 − 6π/(8π + 3√3) in the plane (Clark & Evans 1955)
    train, features = draw(0, 3000, dimension), draw(1, 1500, dimension)
    assert authenticity(train, features) == pytest.approx(share, abs=0.05)


@laws
@given(seeds, st.sampled_from([0.25, 1, 64]))
def test_order_scale_and_shift_change_nothing(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    train = rng.integers(-5, 6, size=(12, 2)).astype(np.float32)  # with ties
    features = rng.integers(-5, 6, size=(9, 2)).astype(np.float32)
    share = authenticity(train, features)
    assert 0 <= share <= 1
    assert authenticity(train, rng.permutation(features)) == share
    assert authenticity(scale * train + 128, scale * features + 128) == share


@pytest.mark.parametrize(
    ("train", "features", "rule"),
    [
        (np.zeros((1, 3)), np.zeros((5, 3)), "^training features: expected at least 2 samples"),
        (np.zeros((5, 3)), np.zeros((0, 3)), "^features: expected at least 1 samples, got 0"),
        (np.zeros((5, 3)), np.zeros((5, 2)), "^features: expected 3 columns, as the training fea"),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), "^training features: expected finite"),
    ],
)
def test_bad_features_are_named(train: np.ndarray, features: np.ndarray, rule: str) -> None:
    with pytest.raises(UserError, match=rule):
        authenticity(train, features)


def test_a_spacing_of_another_training_set_is_refused() -> None:
    with pytest.raises(UserError, match=r"^spacing: expected shape \[5\], got \[4\]$"):
        authenticity(draw(0, 5), draw(1, 5), spacing=np.ones(4))
