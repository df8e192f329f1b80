"""How long what is pending will take, judged by what has been run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scorebench.engine.drive import Drive
    from scorebench.running.cell import Cell


def estimate(drive: Drive) -> str:
    """The time the pending cells need, in words; unknown before any cell has ended."""
    if not drive.pending:
        return "nothing to do"
    spent = [
        (row["seconds_sampling"] / row["nfe"], row["seconds"] - row["seconds_sampling"])
        for row in (record["row"] for record in drive.finished.values())
        if row["status"] == "ok"
        and row.get("nfe")
        and {"seconds", "seconds_sampling"} <= row.keys()
    ]
    if not spent:
        return "time unknown until the first cells have ended"
    per_evaluation = statistics.median(s for s, _ in spent)
    besides = statistics.median(s for _, s in spent)
    expected = evaluations(drive.pending) * per_evaluation + besides * len(drive.pending)
    return f"about {duration(expected)}"


def evaluations(cells: Sequence[Cell]) -> int:
    """Model evaluations per sample that cells are expected to make, summed; at least one each."""
    return sum(cell.nfe or 1 for cell in cells)


def duration(seconds: float) -> str:
    """Seconds as people say them, e.g. ``1 h 20 min`` or ``45 s``."""
    whole = max(1, round(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
