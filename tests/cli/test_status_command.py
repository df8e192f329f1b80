"""``scorebench status``, of runs that go on, have ended, or are damaged."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scorebench.cli import main
from scorebench.lock import LOCK, locked
from scorebench.store import Store
from tests.conftest import Python


def ran(capsys: pytest.CaptureFixture[str], *folders: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["scorebench", "status", *map(str, folders)])
        with pytest.raises(SystemExit) as end:
            main()
    out, err = capsys.readouterr()
    assert not end.value.code, err
    return out


def write(folder: Path, rows: list[Mapping[str, Any]], count: int | None = None) -> Store:
    """A results directory of so many cells, of which these have ended."""
    store = Store(folder)
    cells = [
        {
            "fingerprint": f"{i:032x}",
            "repeat": i,
            "columns": {"model": "m", "schedule": "karras", "sampler": "heun", "schedule.n": 5 + i},
            "nfe": 9,
        }
        for i in range(count or len(rows))
    ]
    plan = {"suite": "small", "better": {"fid": "lower"}, "cells": cells, "workers": 2}
    store.begin("", plan)
    for cell, row in zip(cells, rows, strict=False):
        whole = {
            "fingerprint": cell["fingerprint"],
            "seed": 0,
            "nfe": 9.0,
            "seconds": 60.0,
            "seconds_sampling": 50.0,
            "finished": "2026-11-30T12:00:00+00:00",
        }
        store.write_cell({"row": {**whole, **row}})
    return store


OK = {"status": "ok", "fid": 1.25}
FAILED = {"status": "failed", "error": "ValueError: no"}
DIVERGED = {"status": "diverged", "error": "not finite at step 3"}


def test_a_run_that_goes_on_tells_who_runs_it_and_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = write(tmp_path / "r", [OK, FAILED, DIVERGED, OK], 14)
    about = {"command": "scorebench run", "started": "2026-11-30T11:00:00+00:00"}
    with locked(store.folder / LOCK, about):
        told = ran(capsys, store.folder)
    assert told.splitlines() == [
        f"small in {store.folder}: run by scorebench run (process {os.getpid()} on "
        f"{socket.gethostname()}, since 2026-11-30 11:00 UTC)",
        "4 of 14 cells have ended (2 ok, 1 failed, 1 diverged); 4 min 0 s spent on them; 4 cells "
        "an hour; about 4 min 35 s left",
        "last:",
        "  heun n=8 repeat=3  ok  fid=1.25 NFE=9 60.00 s",
        "  heun n=7 repeat=2  diverged  not finite at step 3",
        "  heun n=6 repeat=1  failed  ValueError: no",
        "  heun n=5 repeat=0  ok  fid=1.25 NFE=9 60.00 s",
        "2 not ok; the same command with --retry failed --retry diverged runs them again:",
        "  000000000000 heun n=7 repeat=2  diverged  not finite at step 3",
        "  000000000000 heun n=6 repeat=1  failed  ValueError: no",
    ]


def test_a_run_that_has_ended_has_no_time_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = write(tmp_path / "r", [OK])
    (store.folder / LOCK).write_text('{"pid": 1}')  # left by a process that was killed
    assert ran(capsys, store.folder).splitlines()[:2] == [
        f"small in {store.folder}: not running",
        "1 of 1 cells have ended (1 ok); 1 min 0 s spent on them",
    ]


def test_a_run_without_a_cell_yet_and_several_at_once_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = write(tmp_path / "a", [], 3), write(tmp_path / "b", [OK])
    told = ran(capsys, first.folder, second.folder).split("\n\n")
    assert told[0].endswith("not running\n0 of 3 cells have ended; time left unknown")
    assert told[1].startswith("small in ")


def test_only_some_of_many_failures_and_damaged_files_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = write(tmp_path / "r", [FAILED] * 15 + [OK] * 7)
    for path in sorted((store.folder / "cells").iterdir())[-7:]:
        path.write_bytes(b"")
    told = ran(capsys, store.folder)
    assert told.count("ValueError: no") == 5 + 10
    assert "\n  and 5 more\n" in told
    assert "7 unreadable, to be run again by the same command: cells/" in told
    assert told.count(".json") == 5


def test_what_files_say_is_shown_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"status": "fai\x1b[2Jled", "error": "[red]bad[/red]\x1b]0;x\x07\nsecond", "fid": "nan"}
    store = write(tmp_path / "r", [row, {"status": "failed"}, {**OK, "fid": "nan"}])
    told = ran(capsys, store.folder)
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "[red]bad[/red]" in told
    assert "no error is kept" in told


def test_a_folder_of_other_things_is_the_users_mistake(tmp_path: Path, python: Python) -> None:
    done = python("-m", "scorebench", "status", tmp_path, code=2)
    assert done.stderr == (f"error: {tmp_path} is not a results directory: no readable plan.json\n")


LOADED = """
import sys
from scorebench.cli import app
try:
    app(["status", sys.argv[1]])
except SystemExit as end:
    assert not end.code, end.code
print(sorted({"torch", "pandas", "scipy", "numpy"} & set(sys.modules)), file=sys.stderr)
"""


def test_status_loads_neither_torch_nor_pandas(tmp_path: Path, python: Python) -> None:
    write(tmp_path / "r", [OK, FAILED])
    done = python("-c", LOADED, tmp_path / "r")
    assert done.stderr.splitlines()[-1] == "[]", done.stderr
