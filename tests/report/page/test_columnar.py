from __future__ import annotations

import datetime
import json
import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorebench.report.page.columnar import EXACT, columnar


def decoded(told: dict[str, Any]) -> dict[str, list[Any]]:
    """What a page's script reads: ``column`` in ``data.js``."""
    read = json.loads(json.dumps(told, allow_nan=False))
    found = {}
    for name, column in read["columns"].items():
        if "value" in column:
            found[name] = [column["value"]] * read["length"]
        elif "words" in column:
            found[name] = [column["words"][code] for code in column["codes"]]
        else:
            found[name] = column["values"]
        assert len(found[name]) == read["length"]
    return found


def expected(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-EXACT, EXACT),
    st.floats(),
    st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=3),
    st.sampled_from([0, 1, 0.0, 1.0, "1", "true", True, False, "–", ""]),
)


@given(st.lists(VALUES) | st.lists(st.sampled_from([1, True, 1.5, "a", None]), min_size=9))
def test_every_value_comes_back_with_its_type(values: list[Any]) -> None:
    (found,) = decoded(columnar(pd.DataFrame({"x": pd.Series(values, dtype=object)}))).values()
    assert found == [expected(value) for value in values]
    for read, value in zip(found, map(expected, values), strict=True):
        assert isinstance(read, bool) == isinstance(value, bool)
        assert isinstance(read, str) == isinstance(value, str)


@pytest.mark.parametrize(
    ("series", "told"),
    [
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Series([True, None], dtype="boolean"), [True, None]),
        (pd.Series(["a", None], dtype="string"), ["a", None]),
        (pd.Series(["b", None], dtype="str"), ["b", None]),
        (pd.Series([1.0, 2.5, math.nan, math.inf]), [1, 2.5, None, None]),
        (pd.Series([pd.NaT, pd.Timestamp("2024-01-02")]), [None, "2024-01-02 00:00:00"]),
        (pd.Series([datetime.date(2024, 1, 2)], dtype=object), ["2024-01-02"]),
        (
            pd.Series(["a\x1b[31m\n\x00b", "\ud800"], dtype=object),
            ["a\\x1b[31m\\n\\x00b", "\\ud800"],
        ),
        (pd.Series([2**53, 2**53 + 1]), [2**53, "9007199254740993"]),
        (pd.Series([1e300, -1e16]), [1e300, -1e16]),
    ],
)
def test_types_of_pandas(series: pd.Series[Any], told: list[Any]) -> None:
    (found,) = decoded(columnar(pd.DataFrame({"x": series}))).values()
    assert found == told


def test_constants_and_repeated_words_take_little_room() -> None:
    table = pd.DataFrame({"same": ["long word"] * 900, "few": ["a long word", "b", "c"] * 300})
    told = columnar(table)
    assert told["columns"]["same"] == {"value": "long word"}
    assert told["columns"]["few"]["words"] == ["a long word", "b", "c"]
    assert len(json.dumps(told)) < 900 * 4


def test_no_rows_and_odd_names() -> None:
    assert decoded(columnar(pd.DataFrame({"x": pd.Series([], dtype=float)}))) == {"x": []}
    assert list(columnar(pd.DataFrame({"a\n<b>": [1]}))["columns"]) == ["a\\n<b>"]
