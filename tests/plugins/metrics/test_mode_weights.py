"""The shares of modes against counting by hand, and the laws of total variation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scorebench
from scorebench import Context, Evidence, UserError
from scorebench_plugins.metrics.mode_weights import ModeWeights

CENTRES = [[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]]


def evidence(vectors: Any) -> Evidence:
    array = np.asarray(vectors, dtype=np.float32)
    return Evidence(len(array), vectors=array)


def measure(centres: Any, real: Any, fake: Any) -> dict[str, float]:
    metric = scorebench.build("metric", "mode_weights", centres=centres)
    return dict(metric.compute(metric.prepare(evidence(real), Context()), evidence(fake)))


def clouds(seed: int, counts: list[int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.permutation(
        np.repeat(CENTRES, counts, axis=0) + rng.uniform(-1, 1, (sum(counts), 2))
    )


def test_shares_and_their_distance_are_those_counted_by_hand() -> None:
    found = measure(CENTRES, clouds(0, [5, 3, 2]), clouds(1, [4, 0, 16]))
    # shares 0.2, 0, 0.8 against 0.5, 0.3, 0.2
    assert found == pytest.approx({"mode_weight": 0.2, "mode_weight_error": 0.6}, rel=1e-12)


def test_every_sample_counts_at_the_centre_that_a_loop_finds_nearest() -> None:
    rng = np.random.default_rng(2)
    real, fake = rng.normal(1, 3, (2, 200, 2)).astype(np.float32)

    def shares(samples: np.ndarray) -> list[float]:
        nearest = [min(range(3), key=lambda k: math.dist(CENTRES[k], x)) for x in samples.tolist()]
        return [nearest.count(k) / 200 for k in range(3)]

    expected = sum(abs(p - q) for p, q in zip(shares(fake), shares(real), strict=True)) / 2
    found = measure(CENTRES, real, fake)
    assert found["mode_weight"] == shares(fake)[0]
    assert found["mode_weight_error"] == pytest.approx(expected, rel=1e-12)
    assert 0.01 < expected < 0.99


def test_a_sample_between_two_centres_counts_at_the_first() -> None:
    assert measure([[-1], [1]], [[0]], [[0]]) == {"mode_weight": 1, "mode_weight_error": 0}


counts = st.lists(st.integers(0, 20), min_size=3, max_size=3).filter(any)


@given(first=counts, second=counts, third=counts)
@settings(max_examples=30, deadline=None)
def test_the_error_is_a_distance_between_shares_within_0_and_1(
    first: list[int], second: list[int], third: list[int]
) -> None:
    def error(real: list[int], fake: list[int]) -> float:
        return measure(CENTRES, clouds(0, real), clouds(1, fake))["mode_weight_error"]

    assert error(first, first) == 0
    assert error(first, [10 * n for n in first]) == pytest.approx(0, abs=1e-12)
    assert error(first, second) == error(second, first)
    assert 0 <= error(first, second) <= min(1, error(first, third) + error(third, second)) + 1e-12


@pytest.mark.parametrize(
    ("centres", "reason"),
    [
        ([[0, 0]], r"centres: expected list of list of float .*at least 2"),
        ([[0, 0], []], r"centres: expected list of list of float"),
        ([[0, 0], [1, float("nan")]], r"centres: expected list of list of float"),
        ([[0, 0], [1]], "centres must all have the same length"),
        ([[0, 1], [2, 3], [0, 1]], "centres must differ from each other"),
    ],
)
def test_centres_that_are_none_are_refused(centres: Any, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        scorebench.build("metric", "mode_weights", centres=centres)


def test_centres_are_required() -> None:
    with pytest.raises(UserError, match="parameter centres is required"):
        scorebench.build("metric", "mode_weights")


def test_centres_of_another_dimension_than_the_features_are_refused() -> None:
    metric = scorebench.build("metric", "mode_weights", centres=CENTRES)
    with pytest.raises(UserError, match="centres have 2 coordinates, but features have 3"):
        metric.prepare(evidence(np.zeros((5, 3))), Context())


def test_the_error_alone_is_ranked_and_the_examples_can_be_built() -> None:
    assert dict(ModeWeights.better) == {"mode_weight_error": "lower"}
    for example in ModeWeights.examples:
        assert scorebench.build("metric", "mode_weights", **example).minimum_samples == 1
