from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorebench.errors import UserError
from scorebench.report.where import where

Row = dict[str, Any]
Condition = tuple[str, Callable[[Row], bool]]

ROWS: list[Row] = [
    {"sampler": "heun", "nfe": 10.0, "fid": 3.5, "sampler.steps": 5, "sampler.order": "2"},
    {"sampler": "euler", "nfe": 50.0, "fid": math.inf, "sampler.steps": None},
    {"sampler": "True", "nfe": 90.0, "fid": None, "sampler.steps": 20, "sampler.order": "auto"},
    {"sampler": None, "nfe": 49.5, "fid": -2.0, "sampler.steps": 1, "sampler.order": "1.50"},
    {"sampler": "a\nb", "nfe": 10.0, "fid": 0.0, "sampler.steps": 2**60 + 1},
]
FLAGS = [True, False, None, True, False]
TABLE = pd.DataFrame(
    {
        "sampler": [row["sampler"] for row in ROWS],
        "nfe": [row["nfe"] for row in ROWS],
        "fid": [row["fid"] for row in ROWS],
        "sampler.steps": pd.array([row["sampler.steps"] for row in ROWS], dtype="Int64"),
        "sampler.order": [row.get("sampler.order") for row in ROWS],
        "sampler.denoise": pd.array(FLAGS, dtype="boolean"),
        "flag": ["True", "False", None, "True", "False"],
        "error": pd.Series([None] * len(ROWS), dtype=object),
    }
)


def kept(condition: str, table: pd.DataFrame = TABLE) -> list[int]:
    return list(where(table, condition).index)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ('sampler == "heun" and nfe < 50', [0]),
        ("10 < nfe <= 50", [1, 3]),
        ("nfe < 50 and (fid < 0 or fid > 3)", [0, 3]),
        ("sampler.steps in [1, 5]", [0, 3]),
        ('sampler not in ("heun", "euler")', [2, 3, 4]),
        ("nfe in []", []),
        ("5 in [sampler.steps, nfe]", [0]),
        ("fid == -2", [3]),
        ("fid < sampler.steps", [0, 3, 4]),
        ("true", [0, 1, 2, 3, 4]),
        ("not True", []),
        ("  nfe == 90  ", [2]),
    ],
)
def test_conditions(condition: str, rows: list[int]) -> None:
    assert kept(condition) == rows


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("fid == none", [2]),
        ("fid != None", [0, 1, 3, 4]),
        ("sampler == none or sampler.order in [none]", [1, 3, 4]),
        ("fid != 0", [0, 1, 2, 3]),
        ("not fid < 1", [0, 1, 2]),
        ("sampler == sampler", [0, 1, 2, 4]),
        ('error < 5 or error < "a" or error == error', []),
        ("error", []),
        ("not sampler.denoise", [1, 2, 4]),
    ],
)
def test_a_missing_value_is_equal_to_none_only(condition: str, rows: list[int]) -> None:
    assert kept(condition) == rows


def test_parameters_may_come_without_their_role() -> None:
    assert kept("steps == 20 and not denoise") == [2]
    table = pd.DataFrame({"model.seed": [1], "sampler.seed": [2], "metric.fid.seed": [3]})
    with pytest.raises(UserError, match=r"^--where: 'seed' could be model.seed or sampler.seed or"):
        where(table, "seed == 1")


def test_rows_keep_their_index_and_the_table_its_columns() -> None:
    found = where(TABLE, "nfe == 10")
    pd.testing.assert_frame_equal(found, TABLE.loc[[0, 4]])


def test_an_empty_table() -> None:
    empty = TABLE.head(0)
    assert where(empty, 'sampler == "heun" and nfe < 50 and sampler.denoise').empty
    with pytest.raises(UserError, match="no column 'nfes'"):
        where(empty, "nfes < 5")


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("smpler == 1", "no column 'smpler'; did you mean sampler?"),
        ("sampler.step == 1", "no column 'sampler.step'; did you mean sampler.steps?"),
        ("sampler == heun", '(a text needs quotes: "heun")'),
        ("nfe == 1 or nfes == 1", "no column 'nfes'"),
        ('sampler = "heun"', 'at character 9: = "heun"; write == for equality'),
        ("nfe < 5 sampler", "at character 9: sampler; write"),
        ("nfe <", "invalid syntax at its end"),
        ("", "invalid syntax at its end"),
        ('sampler == "', 'unterminated string literal at character 12: "; write'),
        ("nfe < 5\nor true", "in one line"),
        ("nfe\0", "null bytes"),
        ("\ud800", "invalid character"),
        ("nfe & true", "nfe & true can't stand here; write columns"),
        ("(nfe < 5) == true", "nfe < 5 can't stand here"),
        ("-nfe < 5", "-nfe can't stand here"),
        ("__import__('os').system('true')", "can't stand here"),
        ("'a'.b == 1", "'a'.b can't stand here"),
        ("1j == nfe", "1j can't stand here"),
        ("nfe is none", "write == for is"),
        ('sampler in "heun"', 'in takes a list, such as [1, 2], not "heun"'),
        ("nfe", "nfe is neither true nor false"),
        ('"true"', '"true" is neither true nor false'),
        ("sampler < 3", "sampler is text and 3 a number"),
        ('nfe < "many"', '"many" is text and nfe a number'),
        ("sampler.denoise < 1", "sampler.denoise has no order"),
        ("none < nfe", "none has no order"),
        ("x" * 300 + " & 1", "x" * 40 + "… can't stand here"),
        ("not " * 3000 + "true", "nested too deeply"),
        ("not " * 90000 + "true", "nested too deeply"),
        (".x" * 90000 + " == 1", "--where"),
        ("nfe" + ".x" * 90000 + " == 1", "nested too deeply"),
        ("nfe == " + "1" * 5000, "--where"),
    ],
)
def test_mistakes_are_told_in_one_line(condition: str, why: str) -> None:
    with pytest.raises(UserError) as raised:
        where(TABLE, condition)
    told = str(raised.value)
    assert told.startswith("--where: ")
    assert why in told
    assert told.isprintable()
    assert len(told) < 300


def same(left: Any, right: Any) -> bool:
    """Row by row what ``==`` of two cells means."""
    if left is None or right is None:
        return False
    if isinstance(left, str) != isinstance(right, str):
        try:
            return float(left) == float(right)
        except ValueError:
            return False
    return bool(left == right)


def in_order(left: Any, right: Any, holds: Callable[[Any, Any], bool]) -> bool:
    """Row by row what ``<`` and the like of two cells mean."""
    if left is None or right is None:
        return False
    try:
        return holds(float(left), float(right))
    except ValueError:
        return False


ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
NUMBERS = st.one_of(
    st.sampled_from([(name, lambda row, name=name: row.get(name)) for name in ("nfe", "fid")]),
    st.sampled_from([5, 10, 49.5, -2, 0.0, 1e999]).map(
        lambda x: (repr(x).replace("inf", "1e999"), lambda _: x)
    ),
)
STEPS = st.just(("sampler.steps", lambda row: row.get("sampler.steps")))
MIXED = st.just(("sampler.order", lambda row: row.get("sampler.order")))
TEXTS = st.one_of(
    st.just(("sampler", lambda row: row["sampler"] and row["sampler"].replace("\n", "\\n"))),
    st.sampled_from(["heun", "auto", "2"]).map(lambda x: (f'"{x}"', lambda _: x)),
    MIXED,
)


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:
    if draw(st.booleans()):
        (a, left), (b, right) = draw(st.one_of(NUMBERS, STEPS, MIXED)), draw(NUMBERS)
        sign = draw(st.sampled_from([*ORDERS]))
        return f"{a} {sign} {b}", lambda row: in_order(left(row), right(row), ORDERS[sign])
    value = st.one_of(NUMBERS, STEPS, TEXTS)
    a, left = draw(value)
    if draw(st.booleans()):
        b, right = draw(value)
        sign = draw(st.sampled_from(["==", "!="]))
        return f"{a} {sign} {b}", lambda row: same(left(row), right(row)) == (sign == "==")
    several = draw(st.lists(value, max_size=3))
    word = draw(st.sampled_from(["in", "not in"]))
    told = f"{a} {word} [{', '.join(text for text, _ in several)}]"
    return told, lambda row: (word == "in") == any(same(left(row), v(row)) for _, v in several)


def joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    def negated(one: Condition) -> Condition:
        return f"not ({one[0]})", lambda row: not one[1](row)

    def both(pair: tuple[Condition, Condition]) -> Condition:
        (a, left), (b, right) = pair
        return f"({a}) and ({b})", lambda row: left(row) and right(row)

    def either(pair: tuple[Condition, Condition]) -> Condition:
        (a, left), (b, right) = pair
        return f"({a}) or ({b})", lambda row: left(row) or right(row)

    pairs = st.tuples(inner, inner)
    return st.one_of(inner.map(negated), pairs.map(both), pairs.map(either))


@given(st.recursive(comparisons(), joined, max_leaves=8))
def test_random_conditions_agree_with_python_row_by_row(condition: Condition) -> None:
    told, holds = condition
    assert kept(told) == [i for i, row in enumerate(ROWS) if holds(row)]


WORDS = ["nfe", "sampler", "sampler.steps", "flag", "error", "and", "or", "not", "in", "(", ")"]
WORDS += ["[", "]", ",", "==", "!=", "<", ">=", "=", "5", "-", '"heun"', "none", "true", ".", "is"]


def outcome(condition: str) -> pd.DataFrame | UserError:
    try:
        return where(TABLE, condition)
    except UserError as error:
        return error


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map(" ".join)))
def test_any_text_is_a_condition_or_a_mistake(condition: str) -> None:
    found = outcome(condition)
    if isinstance(found, UserError):
        assert str(found).startswith("--where: ")
        assert str(found).isprintable()
    else:
        assert set(found.index) <= set(TABLE.index)
        assert list(found) == list(TABLE)


def test_what_an_error_repeats_is_whole_in_any_alphabet() -> None:
    with pytest.raises(UserError, match="--where: sampler is text and 3 a number"):
        where(TABLE, '"é采𝒳" == sampler or sampler < 3')


def test_a_condition_may_have_many_parts() -> None:
    # It would take minutes if it looked for each part from the beginning.
    condition = f"nfe in [{', '.join(map(str, range(20_000)))}]"
    assert len(where(TABLE, condition)) == 4
