from __future__ import annotations

import math
import operator
from typing import Any

import pandas as pd
import pytest

from scorebench.errors import UserError
from scorebench.report.values import Values, column, equal, literal, ordered


def of(*cells: Any, dtype: Any = None) -> Values:
    return column(pd.DataFrame({"c": pd.Series(cells, dtype=dtype)}), "c")


def same(left: Values, right: object) -> list[bool]:
    return equal(left, literal("it", right, len(left.cells))).tolist()


def below(left: Values, right: object) -> list[bool]:
    return ordered(left, literal("it", right, len(left.cells)), operator.lt).tolist()


@pytest.mark.parametrize(
    ("values", "kind", "cells"),
    [
        (of(1, 2), "number", [1, 2]),
        (of(0.5, -math.inf), "number", [0.5, -math.inf]),
        (of("a\nb", None), "text", ["a\\nb", None]),
        (of(True, False), "truth", ["true", "false"]),
        (of(True, None, dtype="boolean"), "truth", ["true", None]),
        (of("True", None, "False"), "truth", ["true", None, "false"]),
        (of("True", "5"), "text", ["true", "5"]),
        (of(dtype=object), "number", []),
    ],
)
def test_columns(values: Values, kind: str, cells: list[object]) -> None:
    assert (values.kind, values.cells.tolist()) == (kind, cells)


def test_a_missing_value_is_equal_to_none_only() -> None:
    for values in (of(1.0, math.nan), of(1, None, dtype="Int64"), of("1", None)):
        assert values.given.tolist() == [True, False]
        assert same(values, None) == [False, True]
        assert same(values, 1) == same(values, "1") == [True, False]
        assert below(values, 2) == [True, False]
        assert equal(values, values).tolist() == [True, False]
    nothing = of(None, None)
    assert below(nothing, "a") == below(nothing, 1) == same(nothing, "a") == [False, False]
    assert not equal(nothing, nothing).any()


def test_texts_are_numbers_where_they_meet_a_number() -> None:
    mixed = of("2", "1.50", "auto", "1e1")
    assert same(mixed, 1.5) == [False, True, False, False]
    assert same(mixed, "1.5") == [False] * 4
    assert below(mixed, 10) == [True, True, False, False]
    assert equal(mixed, of(2.0, 3.0, 4.0, 10)).tolist() == [True, False, False, True]
    assert below(of(5, 11), "10") == [True, False]


def test_texts_are_in_the_order_of_their_characters() -> None:
    assert below(of("euler", "heun", None), "f") == [True, False, False]
    assert below(of("10", "9"), "2") == [True, False]


def test_texts_that_are_too_large_for_numbers_stay_apart() -> None:
    assert same(of("12e456789", "34e567890"), "12e456789") == [True, False]


def test_truth_values_are_equal_to_their_like_only() -> None:
    for values in (of(True, False), of("True", "False")):
        assert same(values, True) == same(values, "True") == same(values, "true") == [True, False]
        assert same(values, 1) == [False, False]
        assert values.true.tolist() == [True, False]


def test_whole_numbers_are_compared_exactly() -> None:
    large = of(2**60, 2**60 + 1, None, dtype="Int64")
    assert same(large, 2**60 + 1) == [False, True, False]
    assert below(large, 2**60 + 1) == [True, False, False]
    assert below(large, 10**400) == [True, True, False]
    assert same(of(str(2**70)), 2**70) == [True]
    assert same(of(str(2**70)), 2**70 + 1) == [False]


@pytest.mark.parametrize(
    ("left", "right", "why"),
    [
        (of("heun"), 3, "c is text and it a number, which have no order"),
        (of(3), "many", "it is text and c a number"),
        (of(True), 1, "c has no order"),
        (of(1), True, "it has no order"),
        (of(1), None, "it has no order"),
    ],
)
def test_what_has_no_order(left: Values, right: object, why: str) -> None:
    with pytest.raises(UserError, match=f"^--where: {why}"):
        below(left, right)
