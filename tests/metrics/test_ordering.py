from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scorebench.metrics.ordering import own_order


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 6))
def test_however_points_come_in_they_end_in_one_order(seed: int, count: int, dims: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(-2, 3, size=(count, dims)).astype(np.float32)  # with duplicates
    turned = rng.permutation(points)
    assert sorted(own_order(points)) == list(range(count))
    np.testing.assert_array_equal(points[own_order(points)], turned[own_order(turned)])


def test_it_is_no_order_of_a_coordinate() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3))
    ordered = points[own_order(points)]
    assert (np.diff(ordered, axis=0) < 0).any(axis=0).all()
