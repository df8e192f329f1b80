"""KID as a component: its columns, and what it keeps of the reference."""

from __future__ import annotations

import numpy as np
import pytest

import scorebench
from scorebench import Context, Evidence, UserError
from scorebench.metrics import kernel_distance, squared_mmd


def side(seed: int, count: int = 50) -> Evidence:
    vectors = np.random.default_rng(seed).normal(seed, 1, size=(count, 3))
    return Evidence(count, vectors=vectors.astype(np.float32))


def test_columns_are_mean_and_deviation_of_subsets_and_the_value_of_all() -> None:
    metric = scorebench.build("metric", "kid", subsets=5, subset_size=20, seed=3)
    real, fake = side(0), side(1)
    found = metric.compute(metric.prepare(real, Context()), fake)
    mean, std = kernel_distance(real.vectors, fake.vectors, 5, 20, 3)
    full = squared_mmd(real.vectors, fake.vectors)
    assert found == {"kid": mean, "kid_std": std, "kid_full": pytest.approx(full, rel=1e-12)}
    assert std > 0
    assert metric.better == {"kid": "lower", "kid_full": "lower"}


def test_what_the_reference_is_in_itself_is_computed_once() -> None:
    metric = scorebench.build("metric", "kid")
    real, fake = side(0), side(1)
    state = metric.prepare(real, Context())
    assert state["features"] is real.vectors  # so that it needn't be stored
    spoilt = metric.compute({**state, "similarity": state["similarity"] + 1}, fake)
    assert spoilt["kid_full"] == pytest.approx(metric.compute(state, fake)["kid_full"] + 1)


@pytest.mark.parametrize("given", [{"subsets": 0}, {"subset_size": 1}, {"seed": -1}])
def test_parameters_are_bounded(given: dict[str, int]) -> None:
    with pytest.raises(UserError, match="expected int ≥"):
        scorebench.build("metric", "kid", **given)
