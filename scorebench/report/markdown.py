"""Grids as Markdown tables, as GitHub shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from scorebench.report.layout import Grid
from scorebench.report.numbers import printable

SPECIAL = re.compile(r"[\\`*_~$|\[\]]")
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
HONOURED = {"best": "**{}**", "second": "<u>{}</u>", "": "{}"}


def markdown(grids: Sequence[tuple[str, Grid]]) -> str:
    """One table after another, each under its caption; the best bold, the second underlined."""
    return "\n".join("".join(f"{line}\n" for line in _table(*pair)) for pair in grids)


def escaped(text: str) -> str:
    """A text that shows as it is, in one line."""
    return SPECIAL.sub(r"\\\g<0>", printable(text.strip())).translate(ENTITIES)


def _table(caption: str, grid: Grid) -> Iterator[str]:
    if caption:
        yield f"**{escaped(caption)}**"
        yield ""
    yield _row([escaped(f"{column.name} {column.mark}") for column in grid.columns])
    yield _row(["---:" if column.right else ":---" for column in grid.columns])
    cells = [map(_cell, column.cells, column.honours()) for column in grid.columns]
    yield from map(_row, zip(*cells, strict=True))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str, honour: str) -> str:
    value, sign, error = text.partition("±") if honour else (text, "", "")
    told = HONOURED[honour].format(escaped(value))
    return f"{told} ± {escaped(error)}" if sign else told
