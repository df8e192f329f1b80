"""Text in whatever width there is: columns side by side, and paragraphs.

Renderables for rich that show texts as they are, without markup. Unless there is a width to keep
to (``soft_wrap``), they leave nothing out and break no line. ``rich.table`` would take seconds
for thousands of rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby
from operator import add

from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

GAP = 2
LONGEST = 28  # wider cells are folded
NARROWEST = 6

PLAIN = Style.null()
BOLD = Style(bold=True)
DIM = Style(dim=True)


@dataclass(frozen=True)
class Paragraph:
    """A text broken into lines where it must.

    Attributes:
        text: what it says.
        style: of all of it.
        indent: of every line.
        glue: where it may be broken; left out there.
    """

    text: str
    style: Style = PLAIN
    indent: int = 0
    glue: str = " "

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(options.max_width - self.indent, 1)
        for line in [self.text] if options.no_wrap else self._lines(room):
            yield Segment(f"{' ' * self.indent}{line}", self.style)
            yield Segment.line()

    def _lines(self, room: int) -> Iterator[str]:
        line = ""
        for piece in self.text.split(self.glue):
            longer = f"{line}{self.glue}{piece}" if line else piece
            if line and cell_len(longer) > room:
                yield line
                longer = piece
            *full, line = chop_cells(longer, room) or [""]
            yield from full
        yield line


@dataclass(frozen=True)
class Column:
    """A column of a grid.

    Attributes:
        name: its header.
        cells: its texts, one for each row.
        mark: follows the name in the header.
        right: whether they are aligned to the right.
        strong: whether they stand out.
        fold: the header is folded to this width, or to that of the cells.
        short: a narrower form of this column, for where there is little room.
        lacking: what that form lacks.
        weight: where there is still less room, columns of the lowest weight go; None: never.
        losses: the values behind the cells, with a sign that makes the lowest the best; None if
            none is better than another. Where one is finite, its cell is a number.
    """

    name: str
    cells: Sequence[str]
    mark: str = ""
    right: bool = True
    strong: bool = False
    fold: int = 9
    short: Column | None = None
    lacking: str = ""
    weight: int | None = None
    losses: Sequence[float] | None = None

    @cached_property
    def widths(self) -> list[int]:
        """How wide its cells are."""
        return list(map(cell_len, self.cells))

    def width(self) -> int:
        """How wide it wants to be."""
        cells = max(self.widths, default=0)
        return max(cells, *map(cell_len, self.header(max(cells, self.fold))))

    def header(self, width: int) -> list[str]:
        """The header in lines of that width, where it has places to be broken at."""
        lines = [""]
        for piece in re.split(r"(?<=[._ ])", f"{self.name} {self.mark}".rstrip()):
            if lines[-1] and cell_len((lines[-1] + piece).rstrip()) > width:
                lines.append("")
            lines[-1] += piece
        return [line.rstrip() for line in lines]

    def honours(self) -> list[str]:
        """For each cell ``best``, ``second`` or nothing; values that read the same share theirs."""
        losses = self.losses or [math.nan] * len(self.cells)
        values = {
            i: float(self.cells[i].partition("±")[0].replace(",", ""))
            for i, loss in enumerate(losses)
            if math.isfinite(loss)
        }
        distinct = dict.fromkeys(values[i] for i in sorted(values, key=losses.__getitem__))
        titles = dict(zip(distinct, ("best", "second"), strict=False))
        return [titles.get(values.get(i, math.nan), "") for i in range(len(losses))]


@dataclass(frozen=True)
class Grid:
    """Columns under their headers; says what is left out for want of width.

    Attributes:
        columns: all of one length.
        muted: rows from this one on are dim.
    """

    columns: Sequence[Column]
    muted: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = None if options.no_wrap else options.max_width
        fitted = list(self.columns) if room is None else _fitted(self.columns, room)
        columns = [column for column in fitted if column]
        yield from _segments(columns, _widths(columns, room), self.muted)
        pairs = zip(self.columns, fitted, strict=True)
        changes = [c.lacking if f else c.name for c, f in pairs if f is not c]
        if any(changes):
            told = ", ".join(filter(None, changes))
            yield Paragraph(f"left out for want of width: {told}", DIM)


def _fitted(columns: Sequence[Column], room: int) -> list[Column | None]:
    """The columns shortened, then left out (None), as far as they must."""
    fitted: list[Column | None] = list(columns)
    widths = [min(column.width(), LONGEST) for column in columns]
    while sum(widths) + GAP * (len(widths) - fitted.count(None) - 1) > room:
        kept = [(i, column) for i, column in enumerate(fitted) if column]
        reducible = [(c.weight or 0, -i) for i, c in kept if c.short] or [
            (c.weight, -i) for i, c in kept if c.weight is not None
        ]
        if not reducible:
            break
        i = -min(reducible)[1]
        fitted[i] = short = columns[i].short if fitted[i] is columns[i] else None
        widths[i] = min(short.width(), LONGEST) if short else 0
    return fitted


def _widths(columns: Sequence[Column], room: int | None) -> list[int]:
    """Widths to fold columns to; where there is too little room, the widest give way."""
    widths = [column.width() for column in columns]
    if room is None:
        return widths
    widths = [min(width, LONGEST) for width in widths]
    while _total(widths) > room and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _segments(columns: Sequence[Column], widths: Sequence[int], muted: int) -> Iterator[Segment]:
    runs = [
        (strong, [i for i, _ in run])
        for strong, run in groupby(enumerate(columns), lambda pair: pair[1].strong)
    ]

    def line(cells: Sequence[str], style: Style) -> Iterator[Segment]:
        gap = ""
        for strong, run in runs:
            text = (" " * GAP).join([cells[i] for i in run])
            yield Segment(f"{gap}{text}", style + BOLD if strong else style)
            gap = " " * GAP
        yield Segment.line()

    blanks = [" " * width for width in widths]
    headers, blocks = [], []
    for column, width in zip(columns, widths, strict=True):
        header = column.header(width)
        headers.append(list(chain(*_folded(header, map(cell_len, header), width, column.right))))
        blocks.append(_folded(column.cells, column.widths, width, column.right))
    height = max(map(len, headers))
    fill = [[b] * (height - len(header)) for header, b in zip(headers, blanks, strict=True)]
    for cells in zip(*map(add, fill, headers), strict=True):
        yield from line(cells, BOLD)
    yield Segment("─" * _total(widths), DIM)
    yield Segment.line()
    for i, row in enumerate(zip(*blocks, strict=True)):
        height = max(map(len, row))
        fill = [[b] * (height - len(lines)) for lines, b in zip(row, blanks, strict=True)]
        for cells in zip(*map(add, row, fill), strict=True):
            yield from line(cells, DIM if i >= muted else PLAIN)


def _folded(
    texts: Iterable[str], lengths: Iterable[int], width: int, right: bool
) -> Iterator[list[str]]:
    """Each text in lines of exactly that width."""
    for text, length in zip(texts, lengths, strict=True):
        parts = [(text, length)]
        if length > width:
            parts = [(part, cell_len(part)) for part in chop_cells(text, width)]
        spaced = [(part, " " * (width - length)) for part, length in parts]
        yield [f"{space}{part}" if right else f"{part}{space}" for part, space in spaced]
