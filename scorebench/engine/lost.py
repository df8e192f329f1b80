"""The row of a cell whose worker can't tell what became of it."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Mapping
from typing import Any

from scorebench.running.cell import Cell, Result
from scorebench.running.member import opening
from scorebench.running.workbench import Workbench


def lost(
    bench: Workbench,
    cell: Cell,
    *,
    status: str,
    error: str,
    seconds: float,
    environment: Mapping[str, Any],
    output: str,
) -> Result:
    """What is known of a cell that took its process down, or had to be ended with it.

    Args:
        bench: the driver's.
        cell: the cell.
        status: ``crashed`` or ``timeout``.
        error: why, in one line.
        seconds: since it began.
        environment: what its process computed with.
        output: the last that its process printed.
    """
    told = {"status": status, "error": error, "device": environment["device"]}
    row = opening(bench, cell) | told
    with contextlib.suppress(Exception, SystemExit):  # of a plugin
        row |= bench.yardstick(cell.point.model)
    row["seconds"] = seconds
    row["finished"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Result(row, environment, traceback=output or None)
