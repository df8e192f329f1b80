"""The engine that runs cells one after the other in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scorebench.running.cell import Cell, Result, run_cell
from scorebench.running.workbench import Workbench

RETRIED = frozenset({"failed", "out_of_memory"})


class InlineEngine:
    """Cells in order, here and now; good for debugging and for small machines."""

    def run(self, bench: Workbench, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Result]]:
        """Run all cells; one that failed is tried again as often as ``limits.retries`` says."""
        for cell in cells:
            result = run_cell(bench, cell)
            for _ in range(bench.suite.limits.retries):
                if result.row["status"] not in RETRIED:
                    break
                result = run_cell(bench, cell)
            yield cell, result
