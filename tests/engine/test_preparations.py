"""Models that need something done first: when it is done, shown, and counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scorebench import UserError
from scorebench.engine.base import EngineOptions
from scorebench.engine.drive import Drive, prepare
from scorebench.suite.load import load_suite

PLUGIN = """
from dataclasses import dataclass
from pathlib import Path
import scorebench

RUNS = []

class Work:
    def __init__(self, done_file):
        self.file, self.summary, self.steps, self.done = done_file, "boil water", 3, 1
    def run(self, report):
        RUNS.append(1)
        if "never" in self.file.parent.joinpath("how").read_text():
            raise scorebench.DivergenceError("it boils over")
        report(2, "warm")
        report(3, "hot")
        self.file.touch()

class Model(scorebench.ScoreModel):
    event_shape = (2,)
    def __init__(self, context):
        self.device, self.dtype = context.device, context.dtype
    def denoise(self, x, sigma):
        return 0 * x
    def draw(self, count, noise):
        return noise.normal()

@dataclass(frozen=True, kw_only=True)
class Boiled:
    folder: str
    def identity(self, context):
        how = Path(self.folder, "how").read_text()
        return {"well": how, "never": how, "otherwise": how, "unsure": how}[how]
    def preparation(self, context):
        if Path(self.folder, "how").read_text() == "unsure":
            raise LookupError("no pot")
        done = Path(self.folder, "done")
        return None if done.exists() else Work(done)
    def load(self, context):
        return Model(context)

@scorebench.hookimpl
def scorebench_score_models():
    yield scorebench.Component("boiled", Boiled)
"""


@pytest.fixture
def drive_of(
    tmp_path: Path,
    small_suite: dict[str, Any],
    write_suite: Callable[[dict[str, Any]], Path],
    write_plugin: Callable[..., Path],
) -> Callable[[], Drive]:
    plugin = write_plugin(PLUGIN, "boiling.py")
    small_suite["plugins"] = [str(plugin)]
    small_suite["sweep"][0]["model"] = {"name": "boiled", "folder": str(tmp_path)}
    path = write_suite(small_suite)
    (tmp_path / "how").write_text("well")
    inline = EngineOptions(name="inline")
    return lambda: prepare(
        load_suite(path), results=tmp_path / "results", device="cpu", engine=inline
    )


def test_what_must_be_done_is_in_the_plan_and_done_once(
    drive_of: Callable[[], Drive], tmp_path: Path
) -> None:
    drive, told = drive_of(), []
    ((_, work),) = drive.preparations
    assert (work.summary, work.steps, work.done) == ("boil water", 3, 1)
    assert not (tmp_path / "done").exists()
    drive.prepare(lambda preparation, done, how: told.append((preparation.summary, done, how)))
    assert told == [("boil water", 2, "warm"), ("boil water", 3, "hot")]
    assert [r["row"]["status"] for _, r in drive.run()] == ["ok"] * 4
    assert len(type(work).run.__globals__["RUNS"]) == 1
    assert drive_of().preparations == []


def test_a_run_without_a_bar_does_it_too(drive_of: Callable[[], Drive], tmp_path: Path) -> None:
    assert [r["row"]["status"] for _, r in drive_of().run()] == ["ok"] * 4
    assert (tmp_path / "done").exists()


def test_what_fails_once_is_not_tried_for_every_cell(
    drive_of: Callable[[], Drive], tmp_path: Path
) -> None:
    (tmp_path / "how").write_text("never")
    drive = drive_of()
    runs = type(drive.preparations[0][1]).run.__globals__["RUNS"]
    before = len(runs)
    drive.prepare(lambda *_: None)
    rows = [r["row"] for _, r in drive.run()]
    assert [(r["status"], r["error"]) for r in rows] == [("diverged", "it boils over")] * 4
    assert len(runs) == before + 1


def test_what_else_decides_the_numbers_is_in_the_fingerprint(
    drive_of: Callable[[], Drive], tmp_path: Path
) -> None:
    first = {cell.fingerprint for cell in drive_of().plan.cells}
    assert {cell.fingerprint for cell in drive_of().plan.cells} == first
    (tmp_path / "how").write_text("otherwise")
    assert first.isdisjoint(cell.fingerprint for cell in drive_of().plan.cells)


def test_an_identity_that_cannot_be_told_is_a_mistake_in_the_plan(
    drive_of: Callable[[], Drive], tmp_path: Path
) -> None:
    (tmp_path / "how").unlink()
    with pytest.raises(UserError, match=r"boiled: .*how: No such file"):
        drive_of()


def test_an_identity_that_fails_is_a_mistake_in_the_plan(
    drive_of: Callable[[], Drive], tmp_path: Path
) -> None:
    (tmp_path / "how").write_text("strangely")
    with pytest.raises(UserError, match="boiled: KeyError: 'strangely'"):
        drive_of()


def test_a_preparation_that_cannot_be_asked_for_does_not_stop_the_run(
    drive_of: Callable[[], Drive], tmp_path: Path
) -> None:
    (tmp_path / "how").write_text("unsure")
    drive = drive_of()
    assert drive.preparations == []
    assert [r["row"]["status"] for _, r in drive.run()] == ["ok"] * 4
