"""``scorebench rerun RESULTS ROW``: a row once more, and whether its numbers are the same."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scorebench.engine.agreement import Comparison


def rerun(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="A results directory.", show_default=False)
    ],
    row: Annotated[
        str,
        typer.Argument(
            metavar="ROW",
            help="Its number in table.csv, the first being 1, or how its fingerprint begins; "
            "6 digits or more.",
            show_default=False,
        ),
    ],
    trust: Annotated[
        bool,
        typer.Option(
            "--trust", help="Run plugin files and Python objects that the results' suite names."
        ),
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(help="auto, cpu, cuda, cuda:1 or mps; as then unless given."),
    ] = None,
) -> None:
    """Run a row again, and tell whether its numbers are the same; results stay as they are."""
    from scorebench.engine import rerun as engine
    from scorebench.engine.agreement import CLOSE, comparisons
    from scorebench.report.numbers import printable

    request = engine.find(results, row)
    command = shlex.join(["scorebench", "run", *request.arguments])
    fingerprint = request.cell["fingerprint"]
    typer.echo(printable(f"row {fingerprint} of: {command} (in {request.folder})"))
    again = engine.rerun(request, trusted=trust, device=device)
    if not again.same_fingerprint:
        typer.echo(
            "sources, parameters or data were changed since; the cell of the same parameters and "
            f"repeat is {again.row['fingerprint']} now"
        )
    found = comparisons(request.row, again.row)
    errors = [comparison for comparison in found if comparison.name == "error"]
    others = [comparison for comparison in found if comparison.name != "error"]
    _show([["", "then", "now", "difference", ""], *map(_cells, others)])
    for error in errors:  # too long for a table
        typer.echo(f"error then: {_text(error.then)}\nerror now:  {_text(error.now)}")
    _show_surroundings(request.environment, again.environment)
    verdicts = [comparison.verdict for comparison in found]
    differ = verdicts.count("differ")
    if differ:
        typer.echo(f"differ: {differ} of {len(found)}")
        raise typer.Exit(1)
    if [error.verdict for error in errors] == ["agree"]:
        typer.echo("agree: it fails in the same way, and tells otherwise")
    elif "agree" in verdicts:
        typer.echo(f"agree: no number differs by more than {CLOSE:g} of itself")
    else:
        typer.echo("identical, to the last bit")


def _show_surroundings(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    from scorebench.engine.agreement import differing

    if not then:
        typer.echo("what it was computed with then is not known")
        return
    rows = [[_text(name), _text(a), _text(b)] for name, a, b in differing(then, now)]
    if rows:
        _show([["computed with", "then", "now"], *rows])
    else:
        typer.echo("computed with the same versions, device and revision")


def _cells(comparison: Comparison) -> list[str]:
    then, now = comparison.then, comparison.now
    numbers = isinstance(then, int | float) and isinstance(now, int | float)
    difference = f"{now - then:+.2g}" if numbers and then != now else ""
    return [_text(comparison.name), _text(then), _text(now), difference, comparison.verdict]


def _text(value: object) -> str:
    from scorebench.report.numbers import MISSING, printable

    if value is None:
        return MISSING
    return f"{value:.8g}" if isinstance(value, float) else printable(str(value))


def _show(rows: Sequence[Sequence[str]]) -> None:
    """Text in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
