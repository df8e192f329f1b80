from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorebench.report.page.reproduce import command
from scorebench.report.results import Results, read

Write = Callable[..., Path]
FINGERPRINT = "0123456789abcdef" * 2


@pytest.fixture
def results(write_results: Write) -> Results:
    (found,) = read([write_results({"fid": 1.0})])
    return found


def row_of(results: Results) -> str:
    whole = command(results)
    assert whole is not None
    return whole.of_row(FINGERPRINT)


def test_a_row_is_run_by_the_arguments_of_its_suite(results: Results) -> None:
    made = replace(results, arguments=["suites/a.yaml", "--device", "cpu"])
    assert row_of(made) == (
        "scorebench run suites/a.yaml --device cpu --only 0123456789ab "
        "--results results/results-0123456789ab"
    )


def test_where_arguments_were_not_kept_by_the_suite_as_run(results: Results) -> None:
    assert shlex.split(row_of(results))[2] == str((results.folder or Path()) / "suite.yaml")


def test_a_table_made_elsewhere_has_no_command(results: Results) -> None:
    assert command(replace(results, folder=None)) is None


PRINTABLE = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])).filter(str.isprintable)


@given(words=st.lists(PRINTABLE, min_size=1), name=PRINTABLE)
def test_a_shell_reads_the_words_as_they_were(words: list[str], name: str) -> None:
    for odd in ("$(touch x)", "`a`", "a b", "'", '"', "--set", "sweep[1]=[heun, x]", "a;b", "~"):
        given_ = [*words, odd]
        made = Results(name, Path("a"), None, {}, 0, {}, given_)  # type: ignore[arg-type]
        short = FINGERPRINT[:12]
        tail = ["--only", short, "--results", f"results/{name}-{short}"]
        assert shlex.split(row_of(made)) == ["scorebench", "run", *given_, *tail]


def test_control_characters_are_escaped(results: Results) -> None:
    told = row_of(replace(results, arguments=["a\x1b[2J.yaml", "--set", "x=1\nrm -r y"]))
    assert told.isprintable()
