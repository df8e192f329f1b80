"""A live progress bar, with a line for every row as it lands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from scorebench.engine.estimate import evaluations

if TYPE_CHECKING:
    from scorebench.engine.drive import Drive

STYLES = {"ok": "green", "diverged": "yellow"}


def run_with_progress(drive: Drive) -> None:
    """Run a drive to its end, showing how far it is and every row as it lands.

    Progress is counted in model evaluations, so the time left is right for cells of unequal cost.
    """
    console = Console(highlight=False)
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
            console.print(place + _line(record, swept, metrics), soft_wrap=True)
            progress.update(
                task,
                advance=evaluations([cell]),
                description=drive.plan.suite.name,
                cells=f"{done}/{total}",
            )


def _swept(drive: Drive) -> list[str]:
    """The columns in which the cells of a plan differ."""
    values: dict[str, set[str]] = {}
    cells = [cell.point.columns() for cell in drive.plan.cells]
    for columns in cells:
        for name in columns:
            values.setdefault(name, set()).add(repr(columns[name]))
    everywhere = {n for n in values if all(n in columns for columns in cells)}
    return [n for n, found in values.items() if len(found) > 1 or n not in everywhere]


def _line(record: dict[str, Any], swept: list[str], metrics: list[str]) -> Text:
    """A row in one line: what it is, what was measured, or why it wasn't."""
    row, columns = record["row"], record["columns"]
    told = [columns["sampler"]]
    told += [f"{n}={columns[n]}" for n in swept if n in columns and n != "sampler"]
    line = Text(" ".join([*told, f"repeat={row['repeat']}"]))
    status = row["status"]
    line.append(f"  {status}", style=STYLES.get(status, "red"))
    if status == "ok":
        found = [f"{m}={row[m]:.4g}" for m in metrics if row.get(m) is not None]
        line.append(f"  {' '.join(found)}  NFE {row['nfe']:g}  {row['seconds']:.2f} s")
    else:
        line.append(f"  {row['error']}")
    return line
