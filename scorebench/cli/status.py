"""``scorebench status RESULTS…``: how runs stand, from another terminal or later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.text import Text

    from scorebench.engine.status import Status

LAST, FAILURES, FILES = 5, 10, 5  # of each, so many are shown
DIGITS = 12  # of a fingerprint


def status(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULTS...", help="Results directories.", show_default=False),
    ],
) -> None:
    """Tell how runs stand: what has ended, what failed, and how long the rest will take."""
    from rich.console import Console

    from scorebench.engine import status as engine

    console = Console(highlight=False)
    for number, (folder, found) in enumerate([(path, engine.status(path)) for path in results]):
        if number:
            console.print()
        for line in _lines(folder, found):
            console.print(line, soft_wrap=True)


def _lines(folder: Path, found: Status) -> Iterator[str | Text]:
    from rich.text import Text

    from scorebench.cli.row_line import row_line, swept
    from scorebench.lock import described
    from scorebench.report.numbers import printable

    cells, metrics = found.plan["cells"], list(found.plan["better"])
    shown = swept(cell["columns"] for cell in cells)

    def line(cell: Mapping[str, Any]) -> Text:
        row = {"repeat": cell.get("repeat", 0), **found.records[cell["fingerprint"]]["row"]}
        return row_line(row, cell["columns"], shown, metrics)

    going_on = f"run by {described(found.holder)}" if found.holder is not None else "not running"
    yield Text(f"{printable(found.plan['suite'])} in {folder}: {going_on}", style="bold")
    yield Text(_progress(found))
    if found.latest:
        yield Text("last:")
    yield from (Text("  ") + line(cell) for cell in found.latest[:LAST])
    failed = found.failed
    if failed:
        ways = " ".join(f"--retry {printable(way)}" for way in found.counts if way != "ok")
        yield Text(f"{len(failed):,} not ok; the same command with {ways} runs them again:")
    for cell in failed[:FAILURES]:
        yield Text(f"  {printable(cell['fingerprint'])[:DIGITS]} ") + line(cell)
    if len(failed) > FAILURES:
        yield Text(f"  and {len(failed) - FAILURES:,} more")
    if found.unreadable:
        names = ", ".join(f"cells/{printable(n)}.json" for n in found.unreadable[:FILES])
        more = ", …" * (len(found.unreadable) > FILES)
        number = len(found.unreadable)
        yield Text(f"{number:,} unreadable, to be run again by the same command: {names}{more}")


def _progress(found: Status) -> str:
    """How far it is, and how fast."""
    from scorebench.engine.estimate import duration
    from scorebench.report.numbers import printable

    done, planned = len(found.records), len(found.plan["cells"])
    ways = ", ".join(f"{number:,} {printable(way)}" for way, number in found.counts.items())
    parts = [f"{done:,} of {planned:,} cells have ended" + (f" ({ways})" if ways else "")]
    if done:
        parts.append(f"{duration(found.seconds_spent)} spent on them")
    if found.per_hour is not None:
        parts.append(f"{found.per_hour:,.3g} cells an hour")
    if done < planned:
        left = found.seconds_left
        parts.append("time left unknown" if left is None else f"about {duration(left)} left")
    return "; ".join(parts)
