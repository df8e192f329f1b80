"""What a cell's time limit counts, and what bounds it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest

from scorebench.running import measuring, sampling
from scorebench.running.cell import Cell
from scorebench.running.measuring import run_cell, run_cells
from scorebench.running.member import Member
from scorebench.running.workbench import Workbench

Run = Callable[..., "tuple[Workbench, list[Cell]]"]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes where somebody sleeps, and nowhere else: no machine is too slow for a test."""
    now = 1000.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    for told in ("monotonic", "perf_counter"):
        monkeypatch.setattr(time, told, lambda: now)


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


def test_attempts_that_take_too_much_memory_count_in_seconds_only(plan: Run) -> None:
    slow = {"name": "chain", "steps": 1, "room": 10, "pause": 0.3}
    bench, cells = plan(slow, batch_size=20, samples=20, limits={"timeout": 0.85})
    row = run_cell(bench, cells[0]).row
    assert row["status"] == "ok", row["error"]
    assert row["batch_size_used"] == 10
    assert row["seconds_sampling"] == pytest.approx(0.6)
    assert row["seconds"] == pytest.approx(0.9)


def test_another_try_at_a_batch_goes_on_from_the_one_before(plan: Run) -> None:
    bench, cells = plan({"name": "chain", "steps": 1})
    member = Member(bench, cells[0])
    for tried in (3.0, 2.0):
        member.begin_batch()
        member.spend(tried, "seconds_sampling")
        member.spend(tried, "seconds_features")
    member.end_batch()
    member.begin_batch()
    member.spend(8.0, "seconds_sampling")
    member.begin_batch()
    row = member.result.row
    assert (row["seconds_sampling"], row["seconds_features"], member.measured) == (2.0, 2.0, 4.0)
    member.fail(ValueError())
    assert row["seconds"] == 18.0


def metric_that_notes(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, note: Callable[[], object]
) -> None:
    metric = type(bench.suite.metrics[0].component)
    plain = metric.compute

    def compute(self: Any, state: Any, generated: Any) -> Any:
        note()
        return plain(self, state, generated)

    monkeypatch.setattr(metric, "compute", compute)


def test_a_metric_that_takes_too_long_ends_its_cell_alone_and_in_company(
    plan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, cells = plan({"name": "chain", "steps": [2, 3]}, limits={"timeout": 0.5})
    metric_that_notes(bench, monkeypatch, lambda: time.sleep(0.6))
    for result in (*run_cells(bench, cells), run_cell(bench, cells[0])):
        assert result.row["status"] == "timeout"
        assert result.row["error"] == "out of time after metric fid"
        assert "fid" not in result.row


def test_stages_are_told_when_they_end(plan: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, cells = plan({"name": "chain", "steps": [2, 3]})
    events: list[str] = []
    metric_that_notes(bench, monkeypatch, lambda: events.append("measured"))
    run_cells(bench, cells, began=lambda: events.append("began"))
    assert events == ["began", "began", "measured", "began", "measured", "began"]


def test_a_walk_tells_that_it_goes_on_between_what_two_cells_take(
    plan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, cells = plan({"name": "chain", "steps": [2, 3]})
    events: list[str] = []
    plain = Member.take

    def take(self: Any, *args: Any) -> Any:
        events.append("took")
        return plain(self, *args)

    monkeypatch.setattr(Member, "take", take)
    monkeypatch.setattr(measuring, "PULSE", 0.0)
    run_cells(bench, cells, began=lambda: events.append("began"))
    assert events.count("took") == 6
    assert all(pair != ("took", "took") for pair in itertools.pairwise(events))


def test_a_cell_that_cannot_be_loaded_is_told_of_too(
    plan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, cells = plan({"name": "chain", "steps": [2, 3]})
    monkeypatch.setattr(Workbench, "model", lambda self, chosen: 1 / 0)
    events: list[str] = []
    failed = run_cells(bench, cells, began=lambda: events.append("began"))
    assert {result.row["status"] for result in failed} == {"failed"}
    assert events == ["began"]
