from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorebench.report.pareto import pareto_set

NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 3.0, -1.0, math.nan, math.inf, -math.inf])


def preferable(own: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether one is at least as good in both (cost and loss), and better in one."""
    return own[0] <= other[0] and own[1] <= other[1] and own != other


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12), st.sampled_from(["lower", "higher"]))
def test_it_is_what_the_definition_says(pairs: list[tuple[float, float]], better: str) -> None:
    cost = pd.Series([c for c, _ in pairs], dtype=float)
    value = pd.Series([v for _, v in pairs], dtype=float)
    sign = 1 if better == "lower" else -1
    known = {i: (c, sign * v) for i, (c, v) in enumerate(pairs) if math.isfinite(c + v)}
    first = {pair: i for i, pair in reversed(known.items())}
    expected = {
        i
        for i, own in known.items()
        if first[own] == i and not any(preferable(other, own) for other in known.values())
    }
    found = list(pareto_set(cost, value, better))
    assert set(found) == expected
    assert len(found) == len(expected)
    assert [cost[i] for i in found] == sorted(cost[i] for i in found)


@pytest.mark.parametrize(("better", "labels"), [("lower", [7, 3]), ("higher", [7, 5])])
def test_labels_are_those_given(better: str, labels: list[int]) -> None:
    index = pd.Index([3, 7, 5, 9])
    cost = pd.Series([2.0, 1.0, 4.0, 5.0], index)
    value = pd.Series([1.0, 2.0, 3.0, 2.5], index)
    assert list(pareto_set(cost, value, better)) == labels
