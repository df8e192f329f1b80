"""Who runs what again, and what is given up: with workers that do as they are told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from scorebench.engine import pool
from scorebench.engine.pool import Pool
from scorebench.engine.workers import Began, Died, Done, Message, Ready, Unfit
from scorebench.errors import UserError
from scorebench.running.cell import Cell, Result

Deed = Callable[["Scripted", Sequence[int]], list[Message]]


class Scripted:
    """A worker without a process, whose messages a script decides."""

    def __init__(self, number: int, place: str, deed: Deed) -> None:
        self.number, self.place, self._deed = number, place, deed
        self.messages: list[Message] = [Ready({"device": "cpu (scripted)"})]
        self.tasks: list[tuple[int, ...]] = []
        self.stopped = False

    def submit(self, cells: Sequence[int]) -> None:
        self.tasks.append(tuple(cells))
        self.messages += self._deed(self, cells)

    def stop(self) -> None:
        self.stopped = True


class Team:
    """Scripted workers; a machine of several places where so many are named."""

    def __init__(self, deed: Deed, count: int = 1, places: Sequence[str] = ("here",)) -> None:
        self._deed, self.count, self._places = deed, count, places
        self.started: list[Scripted] = []
        self.closed = False

    def start(self) -> Scripted:
        number = len(self.started)
        worker = Scripted(number, self._places[number % len(self._places)], self._deed)
        self.started.append(worker)
        return worker

    def leave_out(self, worker: Scripted) -> None:
        self.count -= 1

    def wait(self, seconds: float | None) -> Iterable[tuple[Scripted, Message]]:
        talking = [w for w in self.started if w.messages and not w.stopped]
        if not talking:
            assert seconds is not None, "nobody would ever be heard of again"
            time.sleep(min(seconds, 0.01))
        for worker in talking:
            yield worker, worker.messages.pop(0)

    def close(self) -> None:
        self.closed = True


def done(*statuses: str, memory: int = 0) -> Done:
    return Done([Result({"status": status}) for status in statuses], memory)


def named(messages: list[Message], fingerprints: Sequence[str]) -> list[Message]:
    """Results with the fingerprints of the cells they are of."""
    for message in messages:
        if isinstance(message, Done):
            for result, fingerprint in zip(message.results, fingerprints, strict=True):
                result.row["fingerprint"] = fingerprint
    return messages


@pytest.fixture
def run(planned: Callable[..., Any]) -> Callable[..., Any]:
    """Run the cells of the small suite by a deed; statuses by number of the cell, and the team."""

    def go(
        deed: Deed, *, block: Any = None, count: int = 1, places: Any = ("here",), **changes: Any
    ) -> Any:
        bench, cells = planned(block, **changes)

        def told(worker: Scripted, numbers: Sequence[int]) -> list[Message]:
            return named(deed(worker, numbers), [cells[i].fingerprint for i in numbers])

        team = Team(told, count, places)
        found: list[tuple[Cell, Result]] = list(Pool(bench, cells, team).run())
        assert sorted(cells.index(c) for c, _ in found) == list(range(len(cells))), "each once"
        assert team.closed
        return {cells.index(c): r.row for c, r in found}, team

    return go


def well(worker: Scripted, cells: Sequence[int]) -> list[Message]:
    return [Began(), done(*["ok"] * len(cells))]


def test_all_cells_are_run_once_by_as_many_workers_as_there_are(run: Callable[..., Any]) -> None:
    rows, team = run(well, count=3)
    assert [row["status"] for row in rows.values()] == ["ok"] * 4
    assert len(team.started) == 3
    assert sum(len(w.tasks) for w in team.started) == 4


def test_no_more_workers_are_started_than_there_is_work_for(run: Callable[..., Any]) -> None:
    _, team = run(well, count=30)
    assert len(team.started) == 4


def test_a_cell_that_takes_a_fresh_worker_down_has_crashed(run: Callable[..., Any]) -> None:
    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        return [Died("killed by SIGSEGV", "Fatal")] if cells[0] == 2 else well(worker, cells)

    rows, team = run(deed)
    assert [rows[i]["status"] for i in range(4)] == ["ok", "ok", "crashed", "ok"]
    assert rows[2]["error"] == "killed by SIGSEGV"
    assert rows[2]["device"] == "cpu (scripted)"
    assert rows[2]["reference"] == "model"
    # What had done others before may have been killed by these.
    assert sum((2,) in w.tasks for w in team.started) <= 2


def test_a_cell_is_not_blamed_for_what_an_earlier_one_did(run: Callable[..., Any]) -> None:
    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        return well(worker, cells) if len(worker.tasks) == 1 else [Died("killed by SIGABRT")]

    rows, team = run(deed)
    assert [row["status"] for row in rows.values()] == ["ok"] * 4
    assert len(team.started) == 4


def test_tasks_that_a_dead_worker_had_not_begun_are_not_blamed(run: Callable[..., Any]) -> None:
    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        return [Died("killed by SIGKILL")] if cells[0] == 0 else well(worker, cells)

    rows, team = run(deed, repeats=4)
    assert [i for i, row in rows.items() if row["status"] != "ok"] == [0]
    assert any((0,) in w.tasks and w.tasks[-1] != (0,) for w in team.started)


def test_cells_that_shared_a_walk_with_the_culprit_run_by_themselves(
    run: Callable[..., Any],
) -> None:
    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        return [Died("killed by SIGSEGV")] if 1 in cells else well(worker, cells)

    chain = {"name": "langevin", "step_size": 0.1, "steps": [1, 2, 3]}
    block = {"schedule": {"name": "constant", "sigma": 1.0}, "sampler": chain}
    rows, _ = run(deed, block=block)
    assert [rows[i]["status"] for i in range(3)] == ["ok", "crashed", "ok"]


def test_cells_that_shared_a_walk_with_one_that_hangs_run_by_themselves(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "GRACE", 0.05)

    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        return [Began()] if 1 in cells else well(worker, cells)

    chain = {"name": "langevin", "step_size": 0.1, "steps": [1, 2, 3]}
    block = {"schedule": {"name": "constant", "sigma": 1.0}, "sampler": chain}
    rows, _ = run(deed, block=block, limits={"timeout": 0.05})
    assert [rows[i]["status"] for i in range(3)] == ["ok", "timeout", "ok"]


@pytest.mark.parametrize("status", ["failed", "out_of_memory", "diverged"])
def test_failures_are_tried_again_as_often_as_the_suite_says(
    run: Callable[..., Any], status: str
) -> None:
    tries: list[int] = []

    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        tries.extend(cells)
        good = cells[0] != 0 or tries.count(0) == 3
        return [Began(), done("ok" if good else status)]

    rows, _ = run(deed, limits={"retries": 2})
    assert rows[0]["status"] == ("ok" if status != "diverged" else "diverged")
    assert tries.count(0) == (3 if status != "diverged" else 1)


def test_a_cell_over_its_time_is_ended_with_its_worker(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "GRACE", 0.05)

    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        return [Began()] if cells[0] == 1 else well(worker, cells)

    rows, team = run(deed, limits={"timeout": 0.05})
    assert [rows[i]["status"] for i in range(4)] == ["ok", "timeout", "ok", "ok"]
    assert rows[1]["error"] == "out of time in one go"
    assert rows[1]["seconds"] >= 0.1
    assert [w.stopped for w in team.started if (1,) in w.tasks] == [True]


def test_loading_has_a_time_of_its_own(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "LOADING", 0.2)

    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        return [] if cells[0] == 1 else well(worker, cells)

    rows, _ = run(deed, limits={"timeout": 0.01})
    assert rows[1]["error"] == "out of time while loading"
    assert rows[1]["seconds"] >= 0.2


class Clock(Team):
    """A team whose time passes as messages say."""

    now = 0.0
    tick = 0.0  # at every look

    def wait(self, seconds: float | None) -> Iterable[tuple[Scripted, Message]]:
        self.now += self.tick
        for worker, message in super().wait(seconds):
            if isinstance(message, float):
                self.now += message
            else:
                yield worker, message


@pytest.fixture
def clocked(
    planned: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """Run cells whose limit is 100 seconds; their statuses."""

    def go(deed: Deed, *, count: int = 1, keeping: float = 0.0, tick: float = 0.0) -> list[str]:
        bench, cells = planned(limits={"timeout": 100})

        def told(worker: Scripted, numbers: Sequence[int]) -> list[Message]:
            return named(deed(worker, numbers), [cells[i].fingerprint for i in numbers])

        clock, found = Clock(told, count), {}
        clock.tick = tick
        monkeypatch.setattr(pool, "time", SimpleNamespace(monotonic=lambda: clock.now))
        for cell, result in Pool(bench, cells, clock).run():
            found[cells.index(cell)] = result.row["status"]
            clock.now += keeping  # a row may be slow to write
        return [found[i] for i in range(len(cells))]

    return go


def passing(worker: Scripted, cells: Sequence[int], *seconds: float) -> list[Any]:
    """Stages that take so long, and a moment more in which nothing is heard."""
    stages = [step for each in seconds for step in (Began(), float(each), 1.0)]
    return [*stages, done(*["ok"] * len(cells))]


def test_each_stage_of_a_task_has_the_time_of_a_cell(clocked: Callable[..., list[str]]) -> None:
    def deed(worker: Scripted, cells: Sequence[int]) -> list[Any]:
        return passing(worker, cells, 90, 90, 90) if cells[0] == 1 else passing(worker, cells, 150)

    assert clocked(deed) == ["timeout", "ok", "timeout", "timeout"]


def test_what_came_while_rows_were_written_is_heard_before_anybody_is_overdue(
    clocked: Callable[..., list[str]],
) -> None:
    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        return [Began()] * worker.number + well(worker, cells)

    assert clocked(deed, count=2, keeping=1000.0) == ["ok"] * 4


def test_one_that_hangs_is_ended_though_others_are_heard_all_the_time(
    clocked: Callable[..., list[str]],
) -> None:
    def deed(worker: Scripted, cells: Sequence[int]) -> list[Any]:
        if worker.number == 0:
            return [Began()]
        return [Began()] * 500 + well(worker, cells)

    assert clocked(deed, count=2, tick=1.0).count("timeout") == 1


def test_a_worker_that_grows_is_replaced_once_its_tasks_are_done(run: Callable[..., Any]) -> None:
    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        return [Began(), done("ok", memory=10**9 + len(worker.tasks) * 10**9)]

    rows, team = run(deed, repeats=3)
    assert [row["status"] for row in rows.values()] == ["ok"] * 12
    assert len(team.started) >= 3
    assert all(w.stopped for w in team.started[:-1])
    assert all(len(w.tasks) <= 6 for w in team.started)


def test_what_was_lost_with_a_machine_is_run_again_on_another(run: Callable[..., Any]) -> None:
    where: list[str] = []

    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        if cells[0] == 0:
            where.append(worker.place)
            if len(where) == 1:
                return [Died("its node is gone", blameless=True)]
        return well(worker, cells)

    rows, _ = run(deed, count=2, places=["a", "b"])
    assert [row["status"] for row in rows.values()] == ["ok"] * 4
    assert len(set(where)) == 2


def test_machines_that_are_lost_again_and_again_end_in_a_crash(run: Callable[..., Any]) -> None:
    def deed(worker: Scripted, cells: Sequence[int]) -> list[Message]:
        lost = [Died("its node is gone", blameless=True)]
        return lost if cells[0] == 0 else well(worker, cells)

    rows, _ = run(deed)
    assert rows[0]["status"] == "crashed"
    assert rows[1]["status"] == "ok"


def test_workers_that_never_start_end_the_run(planned: Callable[..., Any]) -> None:
    class Stillborn(Team):
        def start(self) -> Scripted:
            worker = super().start()
            worker.messages = [Died("killed by SIGKILL", "no room")]
            return worker

    bench, cells = planned()
    with pytest.raises(UserError, match="workers can't start: killed by SIGKILL\nno room"):
        list(Pool(bench, cells, Stillborn(well)).run())


def test_a_machine_that_is_lost_before_its_worker_is_ready_is_no_reason_to_stop(
    planned: Callable[..., Any],
) -> None:
    class Flaky(Team):
        def start(self) -> Scripted:
            worker = super().start()
            if worker.number < 2 * pool.STARTS:
                worker.messages = [Died("its node is gone", blameless=True)]
            return worker

    bench, cells = planned()

    def told(worker: Scripted, numbers: Sequence[int]) -> list[Message]:
        return named(well(worker, numbers), [cells[i].fingerprint for i in numbers])

    assert len(list(Pool(bench, cells, Flaky(told)).run())) == len(cells)


def test_workers_that_die_together_before_they_are_ready_count_as_one(
    planned: Callable[..., Any],
) -> None:
    class AllAtOnce(Team):
        def start(self) -> Scripted:
            worker = super().start()
            if worker.number < (pool.STARTS - 1) * self.count:
                worker.messages = [Died("its server died")]
            return worker

    bench, cells = planned()

    def told(worker: Scripted, numbers: Sequence[int]) -> list[Message]:
        return named(well(worker, numbers), [cells[i].fingerprint for i in numbers])

    assert len(list(Pool(bench, cells, AllAtOnce(told, count=4)).run())) == len(cells)


def test_where_none_can_start_others_go_on_without(
    planned: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    class OneBad(Team):
        def start(self) -> Scripted:
            worker = super().start()
            if worker.number:
                worker.messages = [Died("the GPU has fallen off the bus")]
            return worker

    bench, cells = planned(repeats=4)

    def told(worker: Scripted, numbers: Sequence[int]) -> list[Message]:
        return named(well(worker, numbers), [cells[i].fingerprint for i in numbers])

    team = OneBad(told, count=2)
    found = list(Pool(bench, cells, team).run())
    assert [result.row["status"] for _, result in found] == ["ok"] * len(cells)
    assert len(team.started) == 1 + pool.STARTS
    assert capsys.readouterr().err == (
        "warning: no more workers where they can't start: the GPU has fallen off the bus\n"
    )


def test_workers_of_other_sources_end_the_run(planned: Callable[..., Any]) -> None:
    class Edited(Team):
        def start(self) -> Scripted:
            worker = super().start()
            worker.messages = [Unfit("the source of mine differs")]
            return worker

    bench, cells = planned()
    with pytest.raises(UserError, match="can't go on with this run: the source of mine differs"):
        list(Pool(bench, cells, Edited(well)).run())
