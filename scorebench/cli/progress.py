"""A live progress bar, with a line for every row as it lands."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from scorebench.cli.row_line import row_line, swept
from scorebench.engine.estimate import Forecast, evaluations

if TYPE_CHECKING:
    from scorebench.engine.drive import Drive
    from scorebench.plugin.contracts import Preparation


def run_with_progress(drive: Drive) -> None:
    """Run a drive to its end, showing how far it is and every row as it lands."""
    console = Console(highlight=False)
    prepare_with_progress(drive, console)
    metrics = [m for metric in drive.plan.suite.metrics for m in metric.component.better]
    total = len(drive.pending)
    shown = swept(cell.point.columns() for cell in drive.plan.cells)
    forecast = Forecast(drive.plan_record, drive.finished, workers=drive.workers)
    with (
        contextlib.closing(drive.run()) as running,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[cells]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        ) as progress,
    ):
        task = progress.add_task(
            drive.plan.suite.name,
            total=evaluations(drive.pending),
            cells=f"0/{total}",
            left="",
        )
        for done, (cell, record) in enumerate(running, start=1):
            place = Text(f"[{done}/{total}] ".rjust(2 * len(str(total)) + 4), style="dim")
            row = {**record["row"], "repeat": cell.repeat}
            line = place + row_line(row, record["columns"], shown, metrics)
            if not console.is_terminal:
                console.print(line, soft_wrap=True)
                continue
            console.print(line, no_wrap=True, overflow="ellipsis")
            progress.update(
                task,
                advance=evaluations([cell]),
                cells=f"{done}/{total}",
                left=forecast.told(),
            )


def prepare_with_progress(drive: Drive, console: Console) -> None:
    """Do what is needed first, such as training, showing how far it is."""
    if not (drive.preparations or drive.extractions):
        return
    with steps_progress(console) as progress:
        tasks: dict[int, TaskID] = {}

        def report(preparation: Preparation, done: int, how: str) -> None:
            if id(preparation) not in tasks:
                tasks[id(preparation)] = progress.add_task(
                    preparation.summary, total=preparation.steps, how=""
                )
            progress.update(tasks[id(preparation)], completed=done, how=how)

        drive.prepare(report)


def steps_progress(console: Console) -> Progress:
    """A progress bar for work in steps that tells how it goes in a field ``how``."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,}/{task.total:,} {task.fields[how]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
