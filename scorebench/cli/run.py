"""``scorebench run SUITE…``: the plan, a live progress bar with rows as they land, the table."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scorebench.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from scorebench.engine.drive import Drive
    from scorebench.suite.load import Suite

STATUSES = ("failed", "diverged", "timeout", "out_of_memory", "crashed")


def run(
    suites: Annotated[list[Path], typer.Argument(metavar="SUITE...", help="Suite files.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Override a value, e.g. samples=100 or sweep[0].schedule.n=[5]."
        ),
    ] = None,
    plugins: Annotated[
        list[Path] | None, typer.Option("--plugins", help="A plugin file or folder.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="Results directory; results/<suite> unless given.")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="Which engine runs the cells: local, ray or inline.")
    ] = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            help="How many processes run cells; unless given, one for each GPU or, without any, "
            "for each core up to four."
        ),
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(help="The Ray cluster to use, e.g. auto or ray://host:10001.")
    ] = None,
    pdb: Annotated[
        bool, typer.Option("--pdb", help="With --engine inline, debug what makes a cell fail.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    retry: Annotated[
        list[str] | None,
        typer.Option(help=f"Run finished cells of this status again: {', '.join(STATUSES)}."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FINGERPRINT",
            help="Run only the cell whose fingerprint begins so; 6 digits or more.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop after the plan.")] = False,
) -> None:
    """Run what is missing of one or more suites."""
    for status in retry or []:
        if status not in STATUSES:
            raise UserError(f"--retry {status}: no such status{did_you_mean(status, STATUSES)}")
    if results is not None and len(suites) > 1:
        raise UserError("--results holds one suite; run the suites one by one, or leave it out")
    if only and len(suites) > 1:
        raise UserError("--only runs cells of one suite; name that suite alone")
    from scorebench.engine.arguments import arguments
    from scorebench.engine.base import EngineOptions
    from scorebench.engine.drive import prepare
    from scorebench.suite.load import load_suite

    loaded = [load_suite(path, settings=settings or [], plugins=plugins or []) for path in suites]
    names = [suite.name for suite in loaded]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two of the suites are called {name!r}; run them one by one")
    drives = [
        prepare(
            suite,
            results=results,
            engine=EngineOptions(name=engine, workers=workers, address=ray_address, debug=pdb),
            device=device,
            retry=retry or [],
            cells=only or [],
            arguments=arguments(
                suite.path, settings=settings or [], plugins=plugins or [], device=device
            ),
        )
        for suite in loaded
    ]
    sound = True
    for suite, drive in zip(loaded, drives, strict=True):
        _show_plan(suite, drive)
        if dry_run:
            drive.engine.close()
        else:
            _run(drive)
            sound = sound and drive.all_ok
    if not sound:
        raise typer.Exit(1)


def _show_plan(suite: Suite, drive: Drive) -> None:
    for broken in suite.host.broken:
        typer.echo(f"warning: {broken}", err=True)
    cells, pending = drive.plan.cells, drive.pending
    typer.echo(
        f"{suite.name}: {len(cells)} cells, {len(cells) - len(pending)} cached, "
        f"{len(pending)} to run; {_evaluations(suite, drive)} "
        f"({suite.samples:,} samples a cell) on {drive.device}; {_time(drive)}"
    )
    for _, preparation in drive.preparations:
        resumed = f", {preparation.done:,} of them done" if preparation.done else ""
        typer.echo(f"first: {preparation.summary}, {preparation.steps:,} steps{resumed}")
    for extraction in drive.extractions:
        typer.echo(f"first: {extraction.summary}, {extraction.steps:,} samples")


def _evaluations(suite: Suite, drive: Drive) -> str:
    """Model evaluations asked for and, where work is shared, to be spent."""
    known = [cell.nfe for cell in drive.pending if cell.nfe is not None]
    at_least = "at least " if len(known) < len(drive.pending) else ""
    asked, spent = sum(known) * suite.samples, drive.evaluations * suite.samples
    shared = f", {at_least}{spent:,} to be spent as cells share work" if spent < asked else ""
    return f"{at_least}{asked:,} model evaluations{' asked for' * bool(shared)}{shared}"


def _time(drive: Drive) -> str:
    from scorebench.engine.estimate import Forecast

    if not drive.pending:
        return "nothing to do"
    forecast = Forecast(drive.plan_record, drive.finished, workers=drive.workers).told()
    return forecast.removesuffix(" left") or "time unknown until the first cells have ended"


def _run(drive: Drive) -> None:
    from scorebench.cli.progress import run_with_progress

    try:
        with _ended_by_signals():
            run_with_progress(drive)
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on from here", err=True)
        raise typer.Exit(130) from None
    finally:
        if drive.table is not None:
            typer.echo(
                f"{len(drive.table)} of {len(drive.plan.cells)} cells in {drive.store.folder}; "
                f"see them with: scorebench report {drive.store.folder}"
            )


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have what ends jobs and terminals end a run as Ctrl-C does: with its table."""
    numbers = [number for number in signal.Signals if number.name in ("SIGTERM", "SIGHUP")]
    found = {number: signal.getsignal(number) for number in numbers}
    # Unless ignored, as by nohup, or set by what isn't Python; Ray's would end the process at once.
    before = {n: h for n, h in found.items() if h not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
