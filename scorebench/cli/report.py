"""``scorebench report``: a ranked table, or a comparison, of results directories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TOP = 50


def report(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS",
            help="Results directories; the others are compared with the first.",
            show_default=False,
        ),
    ],
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="Rank by this metric, or by nfe or seconds; by the suite's first unless given.",
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Show the best N only; 0: all. 50 on a terminal, else all, unless given.",
        ),
    ] = None,
) -> None:
    """Show what results directories hold: one as a ranked table, two or more as a comparison."""
    from rich.console import Console

    from scorebench.report.comparable import parts
    from scorebench.report.comparison import compare
    from scorebench.report.differences import comparison_report
    from scorebench.report.ranking import rank
    from scorebench.report.results import read
    from scorebench.report.terminal import not_comparable, ranking_report, show

    console = Console()
    if top is None:
        top = TOP if console.is_terminal else 0
    first, *others = found = read(results)
    if others:
        show(console, comparison_report(compare(found, sort), top))
        return
    split = parts(first)
    if len(split) > 1:
        show(console, not_comparable(first, len(split)))
    for part in split:
        ranking = rank(part.results.table, first.better, sort)
        show(console, ranking_report(part.results, ranking, top, part.told))
