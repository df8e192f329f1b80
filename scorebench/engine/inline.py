"""The engine that runs cells one after the other in this process."""

from __future__ import annotations

import pdb
import sys
from collections.abc import Generator, Sequence
from functools import partial

from scorebench.engine.pool import RETRIED
from scorebench.engine.tasks import tasks
from scorebench.running.cell import Cell, Result
from scorebench.running.measuring import run_cells
from scorebench.running.workbench import Workbench


class InlineEngine:
    """Cells in order, here and now, without a process for each device; good for debugging.

    A cell that takes its process down takes the run with it, and a time limit is noticed only when
    the sampler yields.

    Args:
        debug: stop in the debugger where a cell fails.
    """

    def __init__(self, *, debug: bool = False) -> None:
        self._run_cells = partial(run_cells, caught=_debug) if debug else run_cells

    def workers(self, bench: Workbench) -> int:
        """One: this process."""
        return 1

    def device_type(self, bench: Workbench) -> str:
        """That of the driver."""
        return bench.device.type

    def run(
        self, bench: Workbench, cells: Sequence[Cell]
    ) -> Generator[tuple[Cell, Result], None, None]:
        """Run all cells; one that failed is tried again as often as ``limits.retries`` says."""
        for task in tasks(cells):
            results = self._run_cells(bench, task.cells)
            for cell, result in zip(task.cells, results, strict=True):
                final = result
                for _ in range(bench.suite.limits.retries):
                    if final.row["status"] not in RETRIED:
                        break
                    (final,) = self._run_cells(bench, [cell])
                yield cell, final

    def close(self) -> None:
        """Nothing is held."""


def _debug(error: BaseException) -> None:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    pdb.post_mortem(error.__traceback__)
