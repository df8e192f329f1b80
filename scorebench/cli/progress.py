"""A live progress bar, with a line for every row as it lands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

from scorebench.engine.estimate import evaluations

if TYPE_CHECKING:
    from scorebench.engine.drive import Drive
    from scorebench.plugin.contracts import Preparation

STYLES = {"ok": "green", "diverged": "yellow"}


def run_with_progress(drive: Drive) -> None:
    """Run a drive to its end, showing how far it is and every row as it lands.

    Progress is counted in model evaluations, so the time left is right for cells of unequal cost.
    """
    console = Console(highlight=False)
    prepare_with_progress(drive, console)
    metrics = [m for metric in drive.plan.suite.metrics for m in metric.component.better]
    total = len(drive.pending)
    swept = _swept(drive)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[cells]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        task = progress.add_task(
            "loading models and reference", total=evaluations(drive.pending), cells=f"0/{total}"
        )
        for done, (cell, record) in enumerate(drive.run(), start=1):
            place = Text(f"[{done}/{total}] ".rjust(2 * len(str(total)) + 4), style="dim")
            line = place + _line(record, swept, metrics)
            if console.is_terminal:
                console.print(line, no_wrap=True, overflow="ellipsis")
            else:
                console.print(line, soft_wrap=True)
            progress.update(
                task,
                advance=evaluations([cell]),
                description=drive.plan.suite.name,
                cells=f"{done}/{total}",
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


def _swept(drive: Drive) -> dict[str, str]:
    """The columns that tell cells apart, and how each is called in a line: without its role."""
    values: dict[str, set[str]] = {}
    for cell in drive.plan.cells:
        for name, value in cell.point.columns().items():
            values.setdefault(name, set()).add(repr(value))
    swept = [name for name, found in values.items() if len(found) > 1]
    short = [name.rpartition(".")[2] for name in swept]
    return {n: s if short.count(s) == 1 else n for n, s in zip(swept, short, strict=True)}


def _line(record: dict[str, Any], swept: dict[str, str], metrics: list[str]) -> Text:
    """A row in one line: what it is, what was measured, or why it wasn't."""
    row, columns = record["row"], record["columns"]
    told = [columns["sampler"]]
    told += [columns[n] for n in ("schedule", "model") if n in swept]
    told += [f"{s}={columns[n]}" for n, s in swept.items() if "." in n and n in columns]
    line = Text(" ".join([*told, f"repeat={row['repeat']}"]))
    status = row["status"]
    line.append(f"  {status}", style=STYLES.get(status, "red"))
    if status == "ok":
        found = [f"{m}={row[m]:.3g}" for m in metrics if row.get(m) is not None]
        found.insert(1, f"NFE={row['nfe']:g} {row['seconds']:.2f} s")
        line.append(f"  {' '.join(found)}")
    else:
        line.append(f"  {row['error']}")
    return line
