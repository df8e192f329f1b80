"""Text in whatever width there is: columns side by side, and paragraphs.

Renderables for rich that show texts as they are, without markup. Unless there is a width to keep
to (``soft_wrap``), they leave nothing out and break no line. ``rich.table`` would take seconds
for thousands of rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

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

    def width(self) -> int:
        """How wide it wants to be."""
        cells = max(map(cell_len, self.cells), default=0)
        return max(cells, *map(cell_len, self.header(max(cells, self.fold))))

    def header(self, width: int) -> list[str]:
        """The header in lines of that width, where it has places to be broken at."""
        lines = [""]
        for piece in re.split(r"(?<=[._ ])", f"{self.name} {self.mark}".rstrip()):
            if lines[-1] and cell_len((lines[-1] + piece).rstrip()) > width:
                lines.append("")
            lines[-1] += piece
        return [line.rstrip() for line in lines]


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
    headers = [
        [part for line in column.header(width) for part in chop_cells(line, width)]
        for column, width in zip(columns, widths, strict=True)
    ]
    height = max(map(len, headers))
    for line in zip(*([""] * (height - len(h)) + h for h in headers), strict=True):
        yield from _line(columns, widths, line, BOLD)
    yield Segment("─" * _total(widths), DIM)
    yield Segment.line()
    for i, row in enumerate(zip(*(column.cells for column in columns), strict=True)):
        folded = [chop_cells(cell, width) for cell, width in zip(row, widths, strict=True)]
        for line in zip_longest(*folded, fillvalue=""):
            yield from _line(columns, widths, line, DIM if i >= muted else PLAIN)


def _line(
    columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str], style: Style
) -> Iterator[Segment]:
    for i, (column, width, cell) in enumerate(zip(columns, widths, cells, strict=True)):
        space = " " * (width - cell_len(cell))
        text = f"{space}{cell}" if column.right else f"{cell}{space}"
        yield Segment(f"{' ' * GAP if i else ''}{text}", style + BOLD if column.strong else style)
    yield Segment.line()
