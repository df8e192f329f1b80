from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from scorebench.errors import UserError
from scorebench.metrics import CopyingTest, ct_score

laws = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)
CENTRES = np.array([[0.0, 0], [30, 0], [0, 30]])


def draw(seed: int, count: int, spread: float = 1) -> np.ndarray:
    """Samples of three groups that any clustering finds, in shares of 1/2, 1/3 and 1/6."""
    rng = np.random.default_rng(seed)
    groups = rng.choice(3, size=count, p=[1 / 2, 1 / 3, 1 / 6])
    return CENTRES[groups] + rng.normal(scale=spread, size=(count, 2))


def by_definition(train: np.ndarray, held_out: np.ndarray, features: np.ndarray) -> float:
    def cell(points: np.ndarray) -> np.ndarray:
        return cdist(points, CENTRES).argmin(axis=1)

    total = weights = 0.0
    for c in range(3):
        inside = train[cell(train) == c]
        real = cdist(held_out[cell(held_out) == c], inside).min(axis=1)
        fake = cdist(features[cell(features) == c], inside).min(axis=1)
        m, n = len(fake), len(real)
        if m < 20:
            continue
        u = mannwhitneyu(fake, real, alternative="less", method="asymptotic").statistic
        z = (u - m * n / 2) / math.sqrt(m * n * (m + n + 1) / 12)
        total, weights = total + n / len(held_out) * z, weights + n / len(held_out)
    return total / weights


@laws
@given(seeds, st.floats(0.5, 2))
def test_it_is_its_definition(seed: int, spread: float) -> None:
    train, held_out = draw(seed, 150), draw(seed + 1, 90)
    features = draw(seed + 2, 100, spread)  # the smallest group has fewer than 20 at times
    features[:10] = train[:10]  # ties
    expected = by_definition(train, held_out, features)
    assert ct_score(train, held_out, features) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("cells", [1, 3])
def test_new_samples_score_about_0(cells: int) -> None:
    scores = [
        ct_score(draw(3 * s, 300), draw(3 * s + 1, 200), draw(3 * s + 2, 200), cells)
        for s in range(60)
    ]
    # Σw² for the weights of cells; as train is common to both sides, z-scores spread a bit more
    expected = {1: 1, 3: 1 / 4 + 1 / 9 + 1 / 36}[cells] ** 0.5
    assert np.mean(scores) == pytest.approx(0, abs=4 * expected / math.sqrt(60))
    assert np.std(scores) == pytest.approx(expected, rel=0.35)


@pytest.mark.parametrize("cells", [1, 3])
def test_copies_score_far_below_0_and_far_samples_above(cells: int) -> None:
    train, held_out = draw(0, 200), draw(1, 200)
    rng = np.random.default_rng(2)
    copies = train + 1e-3 * rng.normal(size=train.shape)
    assert ct_score(train, held_out, copies, cells) < -5
    assert ct_score(train, held_out, train, cells) < -5
    assert ct_score(train, held_out, train + np.array([6, -6]), cells) > 5


@laws
@given(seeds)
def test_order_scale_and_rotations_change_nothing_and_sides_mirror(seed: int) -> None:
    rng = np.random.default_rng(seed)
    train, held_out, features = draw(seed, 80), draw(seed + 1, 70), draw(seed + 2, 75)
    score = ct_score(train, held_out, features, cells=1)
    assert ct_score(*(rng.permutation(s) for s in (train, held_out, features)), cells=1) == score
    assert ct_score(*(4 * s for s in (train, held_out, features)), cells=1) == score
    rotation = np.linalg.qr(rng.normal(size=(2, 2)))[0]
    turned = ct_score(*(s @ rotation for s in (train, held_out, features)), cells=1)
    assert turned == pytest.approx(score, abs=1e-9)
    assert ct_score(train, features, held_out, cells=1) == pytest.approx(-score, abs=1e-12)


def test_the_partition_hangs_on_the_seed_and_not_on_the_order() -> None:
    rng = np.random.default_rng(0)
    train, held_out, features = rng.normal(size=(3, 200, 2))  # no groups: any partition will do
    score = ct_score(train, held_out, features, cells=5)
    assert ct_score(rng.permutation(train), held_out, features, cells=5) == score
    assert len({ct_score(train, held_out, features, cells=5, seed=s) for s in range(5)}) > 1


def test_cells_with_few_generated_or_no_held_out_samples_do_not_count() -> None:
    train, held_out = draw(0, 200), draw(1, 200)
    first = held_out[(held_out < 15).all(axis=1)]
    features = np.vstack([train[(train < 15).all(axis=1)], CENTRES[[1] * 19]])
    alone = ct_score(train, held_out, features)
    assert ct_score(train, first, features) == alone
    assert ct_score(train, held_out, features, fewest=19) != alone
    assert ct_score(train, first, features, fewest=19) == alone
    assert math.isnan(ct_score(train, held_out, features, fewest=500))
    assert math.isnan(ct_score(train, first, CENTRES[[1] * 30]))


def test_where_all_distances_are_equal_it_is_0() -> None:
    train = np.array([[0.0], [1.0]] * 30)
    assert ct_score(train, train[:20], train, cells=2) == 0


def test_what_was_prepared_serves_many_sets_of_samples() -> None:
    train, held_out = draw(0, 100), draw(1, 90)
    prepared = CopyingTest.fit(train, held_out)
    assert prepared.train is train  # so that it needn't be stored
    for seed in (2, 3):
        features = draw(seed, 100)
        assert prepared.score(features) == ct_score(train, held_out, features)


ZEROS = np.zeros((5, 3))


@pytest.mark.parametrize(
    ("train", "held_out", "features", "rule"),
    [
        (np.zeros((2, 3)), ZEROS, ZEROS, "^training features: expected at least 3 samples, got 2"),
        (ZEROS, np.zeros((0, 3)), ZEROS, "^held-out features: expected at least 1 samples"),
        (ZEROS, np.zeros((5, 2)), ZEROS, "^held-out features: expected 3 columns, as the training"),
        (ZEROS, np.full((5, 3), np.inf), ZEROS, "^held-out features: expected finite"),
        (np.eye(3), ZEROS, np.zeros((5, 2)), "^features: expected 3 columns, as the training"),
        (np.eye(3), ZEROS, np.zeros((0, 3)), "^features: expected at least 1 samples"),
    ],
)
def test_bad_features_are_named(
    train: np.ndarray, held_out: np.ndarray, features: np.ndarray, rule: str
) -> None:
    with pytest.raises(UserError, match=rule):
        ct_score(train, held_out, features)


def test_bad_parameters_are_named() -> None:
    with pytest.raises(UserError, match=r"^cells: expected at least 1, got 0$"):
        ct_score(np.eye(3), ZEROS, ZEROS, cells=0)
    with pytest.raises(UserError, match=r"^fewest: expected at least 1, got 0$"):
        ct_score(np.eye(3), ZEROS, ZEROS, fewest=0)
