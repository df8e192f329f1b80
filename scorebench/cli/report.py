"""``scorebench report``: a ranked table or a comparison, as text, a page, exports and figures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scorebench.errors import UserError

if TYPE_CHECKING:
    from scorebench.report.document import Document, Selection

TOP = 50
EVERY = 5  # seconds between two looks at results that are watched


def report(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS",
            help="Results directories, or .csv and .parquet tables; the others are compared with "
            "the first.",
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
    where: Annotated[
        str,
        typer.Option(
            metavar="CONDITION",
            help="Report on these rows only, e.g. 'sampler == \"heun\" and nfe < 50'.",
        ),
    ] = "",
    best_per: Annotated[
        str,
        typer.Option(
            metavar="COLUMNS",
            help="Show only the best configuration for each value, e.g. sampler,schedule.n.",
        ),
    ] = "",
    columns: Annotated[
        str,
        typer.Option(metavar="COLUMNS", help="Show these columns, e.g. sampler,step_size,fid,nfe."),
    ] = "",
    exports: Annotated[
        list[Path] | None,
        typer.Option(
            "--export",
            metavar="FILE",
            help="Write the table to .csv, .parquet, .json, .md or .tex. May be repeated.",
        ),
    ] = None,
    figures: Annotated[
        list[Path] | None,
        typer.Option(
            "--figure",
            metavar="NAME",
            help="Write a figure to NAME.svg, .png or .pdf: pareto, heatmap, iterations, "
            "precision_recall, time, samples; of a comparison: differences. May be repeated.",
        ),
    ] = None,
    axes: Annotated[
        str,
        typer.Option(
            metavar="PARAMETERS", help="Of heatmap and iterations, e.g. schedule.n,step_size."
        ),
    ] = "",
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write the page; beside the results else."),
    ] = None,
    no_html: Annotated[bool, typer.Option("--no-html", help="Write no page.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Do it again as rows land, until all have.")
    ] = False,
) -> None:
    """Show what results hold: one as a ranked table, two or more as a comparison; and as a page."""
    from rich.console import Console

    from scorebench.report.document import Selection, document
    from scorebench.report.export import check_suffix, export
    from scorebench.report.figures.saving import check_figure
    from scorebench.report.terminal import show

    selection = Selection(sort=sort, condition=where, per=_words(best_per), columns=_words(columns))
    if axes and not figures:
        raise UserError("--axes: is of a figure; choose one with --figure, e.g. heatmap.svg")
    for path in exports or []:
        check_suffix(path)
    for path in figures or []:
        check_figure(path)
    console = Console()
    if top is None:
        top = TOP if console.is_terminal else 0

    def tell(made: Document, refresh: int | None) -> None:
        show(console, made.terminal(top))
        for path in exports or []:
            export(path, frame=made.frame(), grids=made.grids())
            typer.echo(f"table: {path}")
        for path in figures or []:
            try:
                _figure(made, path, _words(axes))
            except UserError as error:
                if refresh is None:
                    raise
                typer.echo(f"warning: {error}", err=True)  # there may be more to show later
        if not no_html:
            _page(made, results, html, refresh)

    if not watch:
        tell(document(results, selection), None)
        return
    try:
        for made, complete in _watched(results, selection):
            console.clear()
            tell(made, None if complete else EVERY)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _figure(made: Document, path: Path, parameters: Sequence[str]) -> None:
    from scorebench.report.figures.saving import save

    # What follows a hyphen is the user's: pareto-fid.svg.
    save(made.figure(path.stem.partition("-")[0], parameters), path)
    typer.echo(f"figure: {path}")


def _page(made: Document, paths: Sequence[Path], wanted: Path | None, refresh: int | None) -> None:
    """Write the page; beside results that can't be written it is left out with a warning."""
    from scorebench.atomic import write_atomically
    from scorebench.report.document import page_path
    from scorebench.report.page.render import render

    path = wanted or page_path(paths, made.results)
    try:
        write_atomically(path, render(made.content(), refresh).encode())
    except OSError as error:
        told = f"{path} can't be written: {error.strerror}"
        if wanted:
            raise UserError(f"--html: {told}") from None
        typer.echo(f"warning: {told}; name another file with --html", err=True)
        return
    typer.echo(f"page: {path}")


def _watched(paths: Sequence[Path], selection: Selection) -> Iterator[tuple[Document, bool]]:
    """Reports on results as rows land, and whether it is the last: all have landed."""
    from scorebench.report.document import document

    seen: list[int] = []
    while True:
        made = document(paths, selection)
        finished = [len(r.table) for r in made.results]
        complete = all(len(r.table) >= r.planned for r in made.results)
        if finished != seen or complete:
            yield made, complete
        if complete:
            return
        seen = finished
        time.sleep(EVERY)
