from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scorebench.errors import UserError
from scorebench.metrics import vendi
from scorebench.metrics.vendi import BLOCK

laws = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def draw(seed: int, count: int, dimension: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimension))


def by_definition(features: np.ndarray) -> float:
    lengths = np.linalg.norm(features, axis=1)
    kernel = features @ features.T / np.outer(lengths, lengths)
    values = np.linalg.eigvalsh(kernel / len(features))
    return float(np.exp(-sum(v * np.log(v) for v in values if v > 1e-15)))


@laws
@given(seeds, st.integers(1, 12), st.integers(1, 12))
def test_it_is_its_definition(seed: int, count: int, dimension: int) -> None:
    features = draw(seed, count, dimension)
    score = vendi(features)
    assert score == pytest.approx(by_definition(features), rel=1e-9)
    assert 1 <= score <= min(count, dimension) * (1 + 1e-9)


@pytest.mark.parametrize("dimension", [6, 9])
@pytest.mark.parametrize("copies", [1, 3])
def test_of_n_orthogonal_vectors_it_is_n(dimension: int, copies: int) -> None:
    features = np.tile(5 * np.eye(dimension)[:6], (copies, 1))
    assert vendi(features) == pytest.approx(6, rel=1e-12)


@pytest.mark.parametrize("count", [1, 3, 50])
def test_of_copies_it_is_1(count: int) -> None:
    assert vendi(np.tile(draw(0, 1, 5), (count, 1))) == pytest.approx(1, rel=1e-12)


def test_unequal_shares_count_by_their_entropy() -> None:
    features = np.eye(3)[[0] * 6 + [1] * 3 + [2]]
    shares = np.array([0.6, 0.3, 0.1])
    assert vendi(features) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-12)


@laws
@given(seeds, st.sampled_from([3, 8]))
def test_order_lengths_rotations_and_copies_change_nothing(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    features = draw(seed, count, 5)
    score = pytest.approx(vendi(features), rel=1e-9)
    assert vendi(rng.permutation(features)) == score
    assert vendi(features * rng.uniform(1e-3, 1e3, size=(count, 1))) == score
    assert vendi(features @ np.linalg.qr(rng.normal(size=(5, 5)))[0]) == score
    assert vendi(np.repeat(features, 4, axis=0)) == score


def test_many_samples_are_taken_in_blocks() -> None:
    features = draw(0, 1000, 4)
    many = np.repeat(features, 3, axis=0)
    assert len(many) > 2 * BLOCK
    assert vendi(many) == pytest.approx(by_definition(features), rel=1e-9)


@pytest.mark.parametrize("zeros", [1, 2])
def test_zeros_are_a_direction_of_their_own(zeros: int) -> None:
    assert vendi(np.zeros((zeros, 3))) == pytest.approx(1)
    assert vendi(np.vstack([np.eye(4), np.zeros((1, 4))])) == pytest.approx(5)
    shares = np.array([2, zeros]) / (2 + zeros)
    features = np.vstack([np.ones((2, 4)), np.zeros((zeros, 4))])
    assert vendi(features) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_tensors_of_low_precision_are_computed_in_float64() -> None:
    tensor = torch.from_numpy(draw(0, 7, 3)).bfloat16()
    assert vendi(tensor) == pytest.approx(vendi(tensor.double()), rel=1e-12)


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((0, 3)), np.full((9, 3), np.nan)])
def test_bad_features_are_named(bad: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"^features: expected"):
        vendi(bad)
