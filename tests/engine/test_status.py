"""How runs stand, by what they have written so far."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from scorebench.engine.status import status
from scorebench.errors import UserError
from scorebench.lock import LOCK, locked
from scorebench.store import Store

NOON = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)


def planned(folder: Path, count: int, **plan: Any) -> Store:
    store = Store(folder)
    cells = [
        {
            "fingerprint": f"{i:06x}",
            "repeat": 0,
            "columns": {"model": "m", "sampler": "s"},
            "nfe": 5,
        }
        for i in range(count)
    ]
    store.begin("", {"suite": "small", "better": {}, "cells": cells, **plan})
    return store


def ended(
    store: Store, number: int, minutes: float, *, status: str = "ok", seconds: float = 10.0
) -> None:
    row = {
        "fingerprint": f"{number:06x}",
        "seed": 0,
        "status": status,
        "nfe": 5,
        "seconds": seconds,
        "seconds_sampling": seconds - 1,
        "finished": (NOON + datetime.timedelta(minutes=minutes)).isoformat(),
    }
    store.write_cell({"row": row, "columns": {}, "traceback": None})


def test_a_run_that_has_just_begun_has_nothing_to_tell(tmp_path: Path) -> None:
    planned(tmp_path, 3)
    found = status(tmp_path)
    assert (found.counts, found.latest, found.failed, found.unreadable) == ({}, [], [], [])
    assert (found.seconds_spent, found.seconds_left, found.per_hour) == (0, None, None)
    assert found.holder is None


def test_cells_are_counted_and_come_the_last_first(tmp_path: Path) -> None:
    store = planned(tmp_path, 9)
    for number, minutes in ((3, 1), (1, 4), (2, 2)):
        ended(store, number, minutes)
    ended(store, 5, 3, status="diverged")
    found = status(tmp_path)
    assert found.counts == {"ok": 3, "diverged": 1}
    assert [cell["fingerprint"] for cell in found.latest] == [
        "000001",
        "000005",
        "000002",
        "000003",
    ]
    assert [cell["fingerprint"] for cell in found.failed] == ["000005"]
    assert found.seconds_spent == 40


def test_what_is_left_is_shared_by_the_workers_of_the_plan(tmp_path: Path) -> None:
    for workers, expected in ((4, 2 * 10), (0, 80), ("many", 80), (None, 80)):
        store = planned(tmp_path / str(workers), 9, workers=workers)
        ended(store, 0, 0)
        assert status(store.folder).seconds_left == pytest.approx(expected)


def test_the_pace_is_that_of_who_runs_it_now(tmp_path: Path) -> None:
    store = planned(tmp_path, 9)
    for number, minutes in enumerate((-500, -400, 20, 30)):
        ended(store, number, minutes)
    assert status(tmp_path).per_hour is None
    with locked(tmp_path / LOCK, {"command": "scorebench run", "started": NOON.isoformat()}):
        found = status(tmp_path)
        assert found.holder is not None
        assert found.holder["command"] == "scorebench run"
        assert found.per_hour == pytest.approx(4)
    assert status(tmp_path).holder is None


@pytest.mark.parametrize("finished", ["noon", None, "9999-99-99", 7])
def test_rows_without_a_time_come_last(finished: object, tmp_path: Path) -> None:
    store = planned(tmp_path, 2)
    ended(store, 1, 0)
    row = {"fingerprint": "000000", "seed": 0, "status": "ok", "finished": finished}
    store.write_cell({"row": row})
    with locked(tmp_path / LOCK, {"started": NOON.replace(year=2020).isoformat()}):
        found = status(tmp_path)
    assert [cell["fingerprint"] for cell in found.latest] == ["000001", "000000"]
    assert found.per_hour is not None


def test_files_that_cannot_be_read_are_told_and_count_as_missing(tmp_path: Path) -> None:
    store = planned(tmp_path, 3)
    for number in range(3):
        ended(store, number, 0)
    (tmp_path / "cells" / "000001.json").write_bytes(b"{")
    (tmp_path / "cells" / "of an earlier plan.json").write_bytes(b"{")
    found = status(tmp_path)
    assert found.unreadable == ["000001"]
    assert found.counts == {"ok": 2}


def test_what_is_no_results_directory_is_told(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match="is not a results directory: no readable plan"):
            status(folder)
