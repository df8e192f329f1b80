"""Grids as LaTeX tables with the rules of booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from scorebench.report.layout import Grid
from scorebench.report.numbers import printable

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|inf)")
NUMBERS = re.compile(rf"\[?{NUMBER.pattern}(?:(?: ± |, ){NUMBER.pattern})*\]?")
HONOURED = {"best": r"\mathbf{{{}}}", "second": r"\underline{{{}}}", "": "{}"}
# Brackets and asterisks too: at the beginning of a row they would be arguments of the \\ before.
ESCAPES = {
    **{c: f"\\{c}" for c in "#$%&_{}"},
    **{c: f"{{{c}}}" for c in "[]*"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "▲": r"$\bigtriangleup$",
    "▼": r"$\bigtriangledown$",
    "–": "--",
}
SPECIAL = re.compile("[" + re.escape("".join(ESCAPES)) + "]|-(?=-)")


def latex(grids: Sequence[tuple[str, Grid]]) -> str:
    """One table after another; the best bold, the second underlined.

    Without a caption one is a bare ``tabular``, for a ``table`` of one's own.
    """
    tables = ["\n".join(_table(caption, grid)) for caption, grid in grids]
    return "% \\usepackage{booktabs}\n" + "\n\n".join(tables) + "\n"


def escaped(text: str) -> str:
    """A text that shows as it is, in one line."""
    return SPECIAL.sub(lambda found: ESCAPES.get(found[0], "-{}"), printable(text.strip()))


def _table(caption: str, grid: Grid) -> Iterator[str]:
    if caption:
        yield from ("\\begin{table}", "\\centering", f"\\caption{{{escaped(caption)}}}")
    yield f"\\begin{{tabular}}{{{''.join('r' if c.right else 'l' for c in grid.columns)}}}"
    yield "\\toprule"
    yield _row([escaped(f"{column.name} {column.mark}") for column in grid.columns])
    yield "\\midrule"
    cells = [map(_cell, column.cells, column.honours()) for column in grid.columns]
    yield from map(_row, zip(*cells, strict=True))
    yield from ("\\bottomrule", "\\end{tabular}")
    if caption:
        yield "\\end{table}"


def _row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _cell(text: str, honour: str) -> str:
    """A cell of numbers in maths mode, e.g. ``$3.46 \\pm 0.07$``, any other as text."""
    if not NUMBERS.fullmatch(text.strip()):
        return escaped(text)
    value, sign, error = text.partition("±")
    told = HONOURED[honour].format(_maths(value))
    return f"${told} \\pm {_maths(error)}$" if sign else f"${told}$"


def _maths(text: str) -> str:
    return NUMBER.sub(lambda found: _number(found[0]), text.strip())


def _number(text: str) -> str:
    mantissa, _, exponent = text.replace(",", "{,}").replace("inf", "\\infty").partition("e")
    return f"{mantissa} \\times 10^{{{int(exponent)}}}" if exponent else mantissa
