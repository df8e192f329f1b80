from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scorebench.engine.drive import prepare
from scorebench.engine.estimate import duration, estimate, evaluations
from scorebench.suite.load import load_suite


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "1 s"), (45, "45 s"), (59.7, "1 min 0 s"), (80, "1 min 20 s"), (4830, "1 h 20 min")],
)
def test_durations_are_told_as_people_do(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_what_is_left_is_judged_by_what_has_been_run(
    small_suite: dict[str, Any], write_suite: Callable[..., Path], tmp_path: Path
) -> None:
    suite = load_suite(write_suite(small_suite))
    drive = prepare(suite, results=tmp_path / "r", device="cpu")
    assert evaluations(drive.pending) == 3 + 5 + 5 + 9
    assert "unknown" in estimate(drive)
    row = {"status": "ok", "nfe": 10, "seconds_sampling": 20.0, "seconds": 23.0}
    drive.finished["x"] = {"row": row}
    drive.finished["y"] = {"row": {"status": "failed"}}
    assert estimate(drive) == f"about {duration(22 * 2.0 + 4 * 3.0)}"
    drive.pending.clear()
    assert estimate(drive) == "nothing to do"
