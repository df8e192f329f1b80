"""What a cell's time limit counts, and what bounds it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scorebench.running import sampling
from scorebench.running.cell import Cell
from scorebench.running.measuring import run_cell, run_cells
from scorebench.running.workbench import Workbench

Run = Callable[..., "tuple[Workbench, list[Cell]]"]


def test_short_cells_of_a_walk_have_their_own_time(
    plan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "WATCH", 0.05)
    slow = {"name": "chain", "steps": [3, 400], "pause": 0.005}
    bench, cells = plan(slow, batch_size=10, limits={"timeout": 1.0})
    short, long = (result.row for result in run_cells(bench, cells))
    assert short["status"] == "ok", short["error"]
    assert long["status"] == "timeout"
    assert run_cell(bench, cells[0]).row["fid"] == short["fid"]
