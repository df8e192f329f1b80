from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from scorebench.report.layout import Column, Grid
from scorebench.report.markdown import escaped, markdown
from scorebench.report.numbers import printable

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = st.text(st.characters() | st.sampled_from("\\|<>&`*_~[]()!#\n\r{}$ 🙂"), max_size=30)


def cells(text: str) -> list[str]:
    """The texts of a document's cells; anything but plain text in one is an error."""
    found = []
    for token in PARSER.parse(text):
        if token.type == "inline":
            assert {child.type for child in token.children or []} <= {"text", "text_special"}
            found.append("".join(child.content for child in token.children or []))
    return found


def test_a_table() -> None:
    grid = Grid(
        [
            Column("#", ["1", "2", ""]),
            Column("sampler", ["heun", "a|b_c", "x"], right=False),
            Column("fid", ["3.46 ± 0.07", "5.1 ± 0.5  ", " failed"], "↓", losses=[3, 5, math.nan]),
            Column("recall", ["0.5", "0.7", "–"], "↑", losses=[-0.5, -0.7, math.nan]),
        ],
        2,
    )
    assert markdown([("", grid)]).splitlines() == [
        "| # | sampler | fid ↓ | recall ↑ |",
        "| ---: | :--- | ---: | ---: |",
        "| 1 | heun | **3.46** ± 0.07 | <u>0.5</u> |",
        "| 2 | a\\|b\\_c | <u>5.1</u> ± 0.5 | **0.7** |",
        "|  | x | failed | – |",
    ]


def test_tables_below_one_another() -> None:
    grid = Grid([Column("x", ["1"])], 1)
    table = "| x |\n| ---: |\n| 1 |\n"
    assert markdown([("a_b", grid), ("c", grid)]) == f"**a\\_b**\n\n{table}\n**c**\n\n{table}"


@given(HOSTILE, HOSTILE)
def test_texts_show_as_they_are(name: str, cell: str) -> None:
    text = markdown([("", Grid([Column(f"x{name}x", [f"x{cell}x", "y"])], 2))])
    assert cells(text) == [f"x{printable(name)}x", f"x{printable(cell)}x", "y"]


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "![a](http://b/c)", "$x$", "a\nb"])
def test_hostile_texts(text: str) -> None:
    assert cells(escaped(text)) == [printable(text)]
    assert not {"<", ">", "\n"} & set(escaped(text))


def test_long_names_are_whole() -> None:
    assert escaped("x" * 300) == "x" * 300
