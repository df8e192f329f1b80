from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp

from scorebench.errors import UserError
from scorebench.metrics import inception_score

laws = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def draw_logits(seed: int, count: int = 30, classes: int = 4) -> np.ndarray:
    return 3 * np.random.default_rng(seed).normal(size=(count, classes))


def published(logits: np.ndarray, splits: int) -> tuple[float, float]:
    """The published computation, on probabilities."""
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    count, scores = len(logits), []
    for i in range(splits):
        part = probabilities[i * count // splits : (i + 1) * count // splits]
        marginal = part.mean(axis=0)
        divergences = [sum(p * np.log(p / marginal)) for p in part]
        scores.append(np.exp(np.mean(divergences)))
    return float(np.mean(scores)), float(np.std(scores))


@pytest.mark.parametrize("row", [[5.0] * 7, [3.0, -1.0, 0.5], [700.3, -200.1, 0.1]])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_prediction_for_all_samples_scores_exactly_1(row: list[float], dtype: type) -> None:
    assert inception_score(np.tile(row, (30, 1)).astype(dtype), splits=7) == (1, 0)


@pytest.mark.parametrize("confidence", [50, 1e4, 1e40])
def test_certain_balanced_predictions_score_the_number_of_classes(confidence: float) -> None:
    logits = confidence * np.tile(np.eye(6), (10, 1))
    assert inception_score(logits, splits=10) == pytest.approx((6, 0))


def test_a_split_sees_its_own_samples_only_in_the_given_order() -> None:
    by_class = 100 * np.repeat(np.eye(2), 10, axis=0)
    assert inception_score(by_class, splits=2) == pytest.approx((1, 0))
    assert inception_score(by_class, splits=1) == pytest.approx((2, 0))
    # 20 samples in 3 splits: [0, 6), [6, 13), [13, 20); the middle one holds 4 and 3 of a class.
    entropy = -(4 / 7 * np.log(4 / 7) + 3 / 7 * np.log(3 / 7))
    scores = [1, np.exp(entropy), 1]
    assert inception_score(by_class, splits=3) == pytest.approx((np.mean(scores), np.std(scores)))


@laws
@given(seeds, st.integers(1, 13), st.integers(13, 40))
def test_it_is_the_published_computation(seed: int, splits: int, count: int) -> None:
    logits = draw_logits(seed, count)
    assert inception_score(logits, splits) == pytest.approx(published(logits, splits), rel=1e-9)


@laws
@given(seeds)
def test_it_is_bounded_and_ignores_what_softmax_ignores(seed: int) -> None:
    logits = draw_logits(seed)
    rng = np.random.default_rng(seed)
    score = inception_score(logits)
    assert 1 <= score[0] <= logits.shape[1]
    offsets = 1000 * rng.normal(size=(len(logits), 1))
    assert inception_score(logits + offsets) == pytest.approx(score, rel=1e-9)
    assert inception_score(rng.permutation(logits, axis=1)) == pytest.approx(score, rel=1e-9)


@laws
@given(seeds)
def test_order_matters_between_splits_only(seed: int) -> None:
    logits = draw_logits(seed)
    shuffled = np.random.default_rng(seed).permutation(logits)
    whole = inception_score(logits, splits=1)
    assert inception_score(shuffled, splits=1) == pytest.approx(whole, rel=1e-12)


def test_as_many_splits_as_samples_score_1() -> None:
    assert inception_score(draw_logits(0, count=5), splits=5) == (1, 0)


@pytest.mark.parametrize(("spread", "offset"), [(1, 0), (3, 512), (200, 0)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_classes_lose_no_precision(spread: float, offset: float, dtype: type) -> None:
    # more than a block, and logits of ±200 that would overflow, at 512 even in float64
    rng = np.random.default_rng(0)
    logits = (spread * rng.uniform(-1, 1, size=(300, 1008))).astype(dtype)
    exact = logits.astype(np.float64)
    conditional = log_softmax(exact, axis=1)
    marginal = logsumexp(conditional, axis=0) - np.log(len(exact))
    divergences = (np.exp(conditional) * (conditional - marginal)).sum(axis=1)
    score, std = inception_score(logits + np.full((300, 1), offset, dtype), splits=1)
    tolerance = 1e-12 if offset == 0 else 1e-4 if dtype is np.float32 else 1e-11
    assert score == pytest.approx(np.exp(divergences.mean()), rel=tolerance)
    assert std == 0


def test_tensors_of_low_precision_are_computed_in_float64() -> None:
    tensor = torch.from_numpy(draw_logits(0)).bfloat16()
    assert inception_score(tensor) == inception_score(tensor.double().numpy())


@pytest.mark.parametrize("splits", [0, -1, 6])
def test_splits_must_be_between_1_and_the_number_of_samples(splits: int) -> None:
    with pytest.raises(UserError, match=rf"^splits: expected 1 to 5, .* got {splits}$"):
        inception_score(np.zeros((5, 3)), splits)


@pytest.mark.parametrize(
    "bad", [np.zeros(5), np.zeros((0, 3)), np.full((9, 3), np.nan), np.full((9, 3), -np.inf)]
)
def test_bad_logits_are_named(bad: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"^logits: expected"):
        inception_score(bad, splits=1)
