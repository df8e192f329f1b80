from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorebench.report.latex import ESCAPES, escaped, latex
from scorebench.report.layout import Column, Grid
from scorebench.report.numbers import printable

SPECIALS = "\\{}$&#^_~%"
HOSTILE = st.text(st.characters() | st.sampled_from(f"{SPECIALS}[]*<>|`-–↓\n🙂"), max_size=30)


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.endswith(r" \\")]


def cell(text: str, loss: float | None = None) -> str:
    losses = None if loss is None else [0.0, loss]
    grid = Grid([Column("x", ["0.5", text], losses=losses)], 1)
    return rows(latex([("", grid)]))[-1].removesuffix(r" \\")


def read_back(text: str) -> str:
    """What LaTeX shows; a special character anywhere but in an escape is an error."""
    told = {escape: character for character, escape in ESCAPES.items()} | {"-{}": "-"}
    shown = ""
    while text:
        for escape in sorted(told, key=len, reverse=True):
            if text.startswith(escape):
                shown, text = shown + told[escape], text.removeprefix(escape)
                break
        else:
            assert text[0] not in SPECIALS + "[]*<>|`\n"
            shown, text = shown + text[0], text[1:]
    return shown


def test_a_table() -> None:
    grid = Grid(
        [
            Column("#", ["1", "2", ""]),
            Column("sampler", ["heun", "a&b_c", "x"], right=False),
            Column("fid", ["3.46 ± 0.07", "5.1 ± 0.5  ", " failed"], "↓", losses=[3, 5, math.nan]),
            Column("recall", ["0.5", "0.7", "–"], "↑", losses=[-0.5, -0.7, math.nan]),
        ],
        2,
    )
    assert latex([("", grid)]).splitlines() == [
        r"% \usepackage{booktabs}",
        r"\begin{tabular}{rlrr}",
        r"\toprule",
        r"\# & sampler & fid $\downarrow$ & recall $\uparrow$ \\",
        r"\midrule",
        r"$1$ & heun & $\mathbf{3.46} \pm 0.07$ & $\underline{0.5}$ \\",
        r"$2$ & a\&b\_c & $\underline{5.1} \pm 0.5$ & $\mathbf{0.7}$ \\",
        r" & x & failed & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_tables_with_captions_float() -> None:
    grid = Grid([Column("x", ["1"])], 1)
    text = latex([("100% of a", grid), ("b", grid)])
    assert re.findall(r"\\caption\{(.*)\}", text) == [r"100\% of a", "b"]
    ends = re.findall(r"\\(begin|end)\{(\w+)\}", text)
    assert (
        ends
        == [
            ("begin", "table"),
            ("begin", "tabular"),
            ("end", "tabular"),
            ("end", "table"),
        ]
        * 2
    )


@pytest.mark.parametrize(
    ("text", "maths"),
    [
        ("10", "$10$"),
        ("-0.5", "$-0.5$"),
        ("+0.50 ± 0.12", r"$+0.50 \pm 0.12$"),
        ("1,797", "$1{,}797$"),
        ("1.2e-5", r"$1.2 \times 10^{-5}$"),
        ("1.234e8 ± 5.6e6", r"$1.234 \times 10^{8} \pm 5.6 \times 10^{6}$"),
        ("inf", r"$\infty$"),
        ("-inf", r"$-\infty$"),
        ("[-0.5, 1e-7]", r"$[-0.5, 1 \times 10^{-7}]$"),
        ("12.35 ± 0.57  ", r"$12.35 \pm 0.57$"),
        ("  7.1      ", "$7.1$"),
        ("–", "--"),
        ("", ""),
        ("1/2", "1/2"),
        ("10ab", "10ab"),
        ("infinite", "infinite"),
        ("2024-01-01", "2024-01-01"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("σ", "σ"),
    ],
)
def test_cells(text: str, maths: str) -> None:
    assert cell(text) == maths


def test_the_best_and_the_second() -> None:
    assert cell("1.2e-5 ± 3.0e-6", -1.0) == (
        r"$\mathbf{1.2 \times 10^{-5}} \pm 3.0 \times 10^{-6}$"
    )
    assert cell("1.5 ± 0.1", 1.0) == r"$\underline{1.5} \pm 0.1$"


@given(HOSTILE)
def test_texts_show_as_they_are(text: str) -> None:
    assert read_back(escaped(text)) == printable(text.strip())


@pytest.mark.parametrize(
    "text", [r"\input{/etc/passwd}", "$x$", "100%", "a\nb", r"\\[5pt]", "*", "x" * 300, "^^5c"]
)
def test_hostile_texts(text: str) -> None:
    assert read_back(escaped(text)) == printable(text)


@given(st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE), min_size=1, max_size=4), HOSTILE)
def test_every_row_has_all_columns(texts: list[tuple[str, str, str]], caption: str) -> None:
    columns = [Column(name, rest) for name, *rest in zip(*texts, strict=True)]
    text = latex([(f"x{caption}", Grid(columns, 9))])
    assert len(rows(text)) == len(texts)
    for row in rows(text):
        assert len(re.findall(r"(?<!\\)&", row)) == len(columns) - 1
    unescaped = re.sub(r"\\[{}\\$]", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    assert unescaped.count("$") % 2 == 0
