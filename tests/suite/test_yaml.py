from __future__ import annotations

import math
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorebench.errors import SuiteError, UserError
from scorebench.suite.yaml import LARGEST_FILE, dump, load, parse, pretty

laws = settings(max_examples=200, deadline=None)


def mistake(text: str) -> str:
    """Why a text is no document."""
    with pytest.raises(SuiteError) as raised:
        parse(text, "s.yaml")
    (problem,) = raised.value.problems
    assert "\n" not in problem
    return problem


def reported(text: str) -> list[str]:
    """What is wrong in a document that can be read."""
    document = parse(text, "s.yaml")
    with pytest.raises(SuiteError) as raised:
        document.stop_if_problems()
    return list(raised.value.problems)


def told_by(read: Callable[[], object]) -> list[str]:
    """The lines in which the user is told what is wrong, if anything is."""
    try:
        read()
    except UserError as error:
        return str(error).splitlines()
    return []


def test_every_key_and_item_has_its_line() -> None:
    document = parse("# a comment\na: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n", "s.yaml")
    assert document.data == {"a": 1, "b": ["x", {"c": 2, "d": 3}]}
    assert document.lines == {
        (): 2,
        ("a",): 2,
        ("b",): 3,
        ("b", 0): 4,
        ("b", 1): 5,
        ("b", 1, "c"): 5,
        ("b", 1, "d"): 6,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0x10", 16),
        ("1.5", 1.5),
        ("1e-3", 1e-3),
        ("1.0e-3", 0.001),
        (".inf", math.inf),
        ("true", True),
        ("null", None),
        ("~", None),
        ("2024-02-29", date(2024, 2, 29)),
        ("'<<'", "<<"),
        ("[]", []),
        ("{}", {}),
        ("", None),
        ("# nothing but a comment", None),
        ("a: {<<: {}}", {"a": {}}),
    ],
)
def test_values_are_plain(text: str, value: Any) -> None:
    assert parse(text, "s.yaml").data == value


def test_keys_are_words_as_written() -> None:
    assert parse("{1: a, 2.50: b, null: c, yes: d}", "s.yaml").data == {
        "1": "a",
        "2.50": "b",
        "null": "c",
        "yes": "d",
    }


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**50), 10**50) | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=20,
)


@laws
@given(plain)
def test_plain_data_is_read_as_it_was_written(value: Any) -> None:
    assert repr(parse(dump(value), "s.yaml").data) == repr(value)  # nan is nan


@pytest.mark.parametrize("word", ["0E0", "1e5", "-2E+3", "1.e2"])
def test_words_that_look_like_numbers_are_written_as_words(word: str) -> None:
    assert parse(dump({"a": word}), "s.yaml").data == {"a": word}


def test_duplicate_keys_are_all_reported_with_both_lines() -> None:
    assert reported("a: 1\nb: {c: 1, d: 2,\n  c: 3}\na: 2\na: 3\n") == [
        "s.yaml:3: b.c: given twice, first in line 2; remove one",
        "s.yaml:4: a: given twice, first in line 1; remove one",
        "s.yaml:5: a: given twice, first in line 4; remove one",
    ]


def test_a_key_is_the_same_however_quoted() -> None:
    assert reported('{a: 1, "a": 2}') == ["s.yaml:1: a: given twice, first in line 1; remove one"]


def test_an_alias_stands_for_a_copy() -> None:
    data = parse("a: &x {n: [1]}\nb: *x\n", "s.yaml").data
    assert data == {"a": {"n": [1]}, "b": {"n": [1]}}
    data["a"]["n"].append(2)
    assert data["b"] == {"n": [1]}


def test_merged_keys_are_overridden_and_keep_their_lines() -> None:
    document = parse("base: &b {x: 1,\n  y: 2}\nown:\n  x: 3\n  <<: *b\n", "s.yaml")
    assert document.data["own"] == {"y": 2, "x": 3}
    assert document.lines["own", "x"] == 4
    assert document.lines["own", "y"] == 2
    document.stop_if_problems()


def test_of_several_merged_mappings_the_first_wins() -> None:
    text = """
    a: &a {x: 1}
    b: &b {x: 2, y: 2}
    c: &c {<<: [*a, *b], z: 3}
    d: {<<: *c, z: 4}
    e: {<<: *a, <<: *b}
    """
    data = parse(text, "s.yaml").data
    assert data["c"] == {"x": 1, "y": 2, "z": 3}
    assert data["d"] == {"x": 1, "y": 2, "z": 4}
    assert data["e"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: &x [*x]", "2: not valid YAML: refers to itself"),
        ("a: &x {b: *x}", "1: not valid YAML: refers to itself"),
        ("a: &x {<<: *x}", "1: not valid YAML: refers to itself"),
        ("a: *x", "1: not valid YAML: found undefined alias 'x'"),
        ("a: {<<: 3}", "1: not valid YAML: << takes a mapping or a list of them"),
        ("a: {<<: [{b: 1},\n 3]}", "2: not valid YAML: << takes a mapping or a list of them"),
        ("a:\n\tb: 1", "2: not valid YAML: while scanning for the next token, found character"),
        ("a: [1,\n2", "2: not valid YAML: while parsing a flow sequence, expected ',' or ']'"),
        ("a: 1\n b: 2", "2: not valid YAML: mapping values are not allowed here"),
        ("a: 'b", "1: not valid YAML: while scanning a quoted scalar, found unexpected end"),
        ("--- 1\n--- 2\n", "2: not valid YAML: expected a single document in the stream, but"),
        ("[a]: 1", "1: not valid YAML: a key must be a word"),
        ("? {a: 1}\n: 1", "1: not valid YAML: a key must be a word"),
        ("a: !!python/name:os.system", "1: not valid YAML: could not determine a constructor"),
        ("a: !!python/object/apply:os.system [ls]", "1: not valid YAML: the tag tag:yaml.org,2002"),
        ("a: !!python/object:os.system {}", "python/object:os.system is not allowed"),
        ("a: !mine {}", "1: not valid YAML: the tag !mine is not allowed"),
        ("a: !!set {b, c}", "1: not valid YAML: the tag tag:yaml.org,2002:set is not allowed"),
        ("a: !!seq b", "1: not valid YAML: expected a sequence node, but found scalar"),
        ('a: !!int ""', "1: not valid YAML: '' is no int"),
        ("a: !!int b", "1: not valid YAML: 'b' is no int"),
        ("a: !!float ''", "1: not valid YAML: '' is no float"),
        ("a: !!bool b", "1: not valid YAML: 'b' is no bool"),
        ("a: !!timestamp b", "1: not valid YAML: 'b' is no timestamp"),
        ("!!timestamp b: a", "1: not valid YAML: 'b' is no timestamp"),
        ("a: 1\nb: 2001-02-30", "2: not valid YAML: '2001-02-30' is no timestamp"),
        ("a: 1\nb: 0x" + "f" * 5000, "2: not valid YAML: number too large"),
        ("a: 1\nb: " + "9" * 5000, "2: not valid YAML: number too large"),
        ("a: 1\nb: 1" + ":0" * 400_000, "2: not valid YAML: number too large"),
        ("a: 1\nb: 0." + "9" * 5000, "2: not valid YAML: number too large"),
        ('a: "\\ud800"', "1: not valid YAML: '\\ud800' holds half a character"),
        ('"\\udfff": 1', "1: not valid YAML: '\\udfff' holds half a character"),
        ('a: 1\nb: "\\UFFFFFFFF"', "2: not valid YAML: "),
        ("a: 1\nb: \0", "2: not valid YAML: the character '\\x00' is not allowed"),
        ("a: 1\nb: " + "[" * 100 + "]" * 100, "2: not valid YAML: nested too deeply"),
        ("[" * 10_000 + "]" * 10_000, " not valid YAML: nested too deeply"),
        ("a: " + "{<<: " * 5000 + "{}" + "}" * 5000, " not valid YAML: nested too deeply"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(text: str, told: str) -> None:
    problem = mistake(text)
    assert problem.startswith("s.yaml:")
    assert told in problem
    assert len(problem) < 300


def bomb(kind: str) -> str:
    """A small text that would grow to 10¹⁰ values."""
    layers = ["l0: &l0 " + ("[1]" if kind == "list" else "{x: 1}")]
    for i in range(1, 11):
        aliases = ", ".join([f"*l{i - 1}"] * 10)
        inside = {
            "list": f"[{aliases}]",
            "mapping": "{" + ", ".join(f"k{j}: *l{i - 1}" for j in range(10)) + "}",
            "merge": f"{{k{i}: 1, <<: [{aliases}]}}",
        }[kind]
        layers.append(f"l{i}: &l{i} {inside}")
    return "\n".join(layers)


@pytest.mark.parametrize("kind", ["list", "mapping", "merge"])
def test_aliases_of_aliases_end_in_an_error(kind: str) -> None:
    assert mistake(bomb(kind)).endswith("not valid YAML: too many values")


def test_merging_wide_mappings_many_times_ends_in_an_error() -> None:
    wide = ", ".join(f"k{i}: 1" for i in range(5000))
    text = f"a: &a {{{wide}}}\nb: {{<<: [{', '.join(['*a'] * 5000)}]}}\n"
    assert mistake(text).endswith("1: not valid YAML: too many values")


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: \xc3\xa9\r\n")
    document = load(path)
    assert document.data == {"a": 1, "b": "é"}
    assert document.lines["b",] == 2


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.touch()
    assert load(path).data is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x89PNG\r\n\x1a\n\xff", "not a text file (UTF-8), so not YAML"),
        ("a: é".encode("utf-16"), "not a text file (UTF-8), so not YAML"),
        (b"#" * (LARGEST_FILE + 1), "larger than 1,000,000 bytes, not a suite file"),
    ],
)
def test_a_file_of_another_sort_is_refused(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        load(path)
    assert str(raised.value) == f"{path}: {told}"


def test_a_file_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    for path, told in [
        (tmp_path / "gone.yaml", "no such file"),
        (tmp_path, "can't be read: Is a directory"),
        (tmp_path / ("n" * 300), "can't be read: File name too long"),
    ]:
        with pytest.raises(UserError) as raised:
            load(path)
        assert str(raised.value) == f"{path}: {told}"
    with pytest.raises(UserError, match=r"a\\x00b': can't be read: embedded null byte"):
        load(tmp_path / "a\0b")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "s.yaml")
    with pytest.raises(UserError, match=r"s\.yaml: can't be read: not a file"):
        load(tmp_path / "s.yaml")


def test_a_file_that_may_not_be_read_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")  # root may read everything else
    with pytest.raises(UserError, match=r"loop\.yaml: can't be read: Too many levels of symbolic"):
        load(tmp_path / "loop.yaml")


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ((), ""),
        (("sweep", 0, "schedule", "n", 2), "sweep[0].schedule.n[2]"),
        (("exclude", 0, "schedule.n"), "exclude[0].schedule.n"),
        (("a\nb",), r"'a\nb'"),
        (("", "x"), "''.x"),
    ],
)
def test_locations_are_written_as_people_do(location: Any, text: str) -> None:
    assert pretty(location) == text


def test_mistakes_come_in_the_order_of_the_file_each_once() -> None:
    document = parse("a: 1\nb: 2\n", "s.yaml")
    for _ in range(2):
        document.report(("b", "deeper", 3), "second")
        document.report(("a",), "first\n  line")
    with pytest.raises(SuiteError) as raised:
        document.stop_if_problems()
    assert raised.value.problems == (
        "s.yaml:1: a: first line",
        "s.yaml:2: b.deeper[3]: second",
    )


syntax = st.lists(
    st.sampled_from(
        [*"ab01:-[]{}&*!<>|?,#%@\"'\\\n\t .eE~=_\x00\x85\ufeff\u2028"]
        + ["<<: ", "&a ", "*a", "- ", "\n  ", "---\n", "...\n", "? ", '"\\U', "%YAML 1.1\n"]
        + [f"!!{tag} " for tag in ("int", "float", "bool", "null", "binary", "set", "omap", "map")]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(syntax | st.text())
def test_any_text_is_plain_data_or_one_clear_line(text: str) -> None:
    told = told_by(lambda: parse(text, "s.yaml"))
    assert len(told) <= 1
    assert all(line.startswith("s.yaml:") for line in told)


@settings(max_examples=200, deadline=None)
@given(content=st.binary() | syntax.map(str.encode))
def test_any_bytes_are_plain_data_or_one_clear_line(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    told = told_by(lambda: load(path))
    assert len(told) <= 1
    assert all(line.startswith(f"{path}:") for line in told)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 1e-3), ("1e4", 1e4), ("-2E+3", -2e3), ("1.e2", 100.0), ("1.5e2", 150.0)],
)
def test_numbers_with_an_exponent_are_numbers(text: str, value: float) -> None:
    assert parse(f"a: {text}", "s").data == {"a": value}


@pytest.mark.parametrize("text", ["e3", "1e", "1ex", "'1e3'", "0x1e3x"])
def test_words_that_look_like_numbers_stay_words(text: str) -> None:
    assert isinstance(parse(f"a: {text}", "s").data["a"], str)
