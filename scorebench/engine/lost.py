"""The row of a cell whose worker can't tell what became of it."""

from __future__ import annotations

import contextlib
import datetime

from scorebench.running.cell import Cell, Result
from scorebench.running.member import opening
from scorebench.running.workbench import Workbench


def lost(
    bench: Workbench,
    cell: Cell,
    status: str,
    error: str,
    seconds: float,
    device: str,
    output: str,
) -> Result:
    """What is known of a cell that took its process down, or had to be ended with it.

    Args:
        bench: the driver's.
        cell: the cell.
        status: ``crashed`` or ``timeout``.
        error: why, in one line.
        seconds: since it began.
        device: on which it ran, in words.
        output: the last that its process printed.
    """
    row = opening(bench, cell) | {"status": status, "error": error, "device": device}
    with contextlib.suppress(Exception, SystemExit):  # of a plugin
        row |= bench.yardstick(cell.point.model)
    row["seconds"] = seconds
    row["finished"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Result(row, bench.environment, traceback=output or None)
