"""``kill -9`` at any moment: of the driver, of workers, of the whole machine."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from scorebench.lock import LOCK

from .sweep import LOGGED, Sweep, content, ended, program, waiting

MOMENTS = 15  # of each kind


class Kept:
    """Looks at a results directory again and again: what is finished is whole and stays."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self.files: dict[Path, tuple[int, int, int]] = {}

    def look(self) -> int:
        """The number of finished cells."""
        found = self._sweep.cells()
        assert self.files.keys() <= set(found)
        for path in found:
            if path not in self.files:
                assert content(path)["row"]["status"] == "ok"
            now = path.stat()
            file = (now.st_ino, now.st_mtime_ns, now.st_ctime_ns)  # it changes with any byte
            assert self.files.setdefault(path, file) == file
        return len(self.files)

    def all_started_before_they_ended(self) -> None:
        """That no cell was begun again once it was finished."""
        ends = {
            content(path)["columns"]["sampler.number"]: time
            for path, (_, time, _) in self.files.items()
        }
        late = [number for when, _, number in self._sweep.starts() if when > ends[number]]
        assert late == []


def nothing_is_lost(sweep: Sweep, kept: Kept, expected: pd.DataFrame) -> None:
    """What holds once a sweep that was disturbed has come to its end."""
    sweep.all_end()
    assert kept.look() == len(expected)
    kept.all_started_before_they_ended()
    left = {path.name for path in sweep.seen.iterdir()} - {"cells", "environments"}
    assert left == {"plan.json", "suite.yaml", "table.parquet", "table.csv"}
    assert [p for p in sweep.seen.rglob("*") if p.name.startswith(".")] == []
    pd.testing.assert_frame_equal(sweep.table(), expected, check_exact=True)


@pytest.mark.slow
def test_killing_the_driver_or_all_at_once_loses_nothing(
    new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    sweep, chance = new_sweep(cells=60, pause=0.1), random.Random(0)
    kept, locks_left = Kept(sweep), 0
    for moment in range(MOMENTS):
        process, before = sweep.start(), kept.look()
        if moment % 5 == 4:  # while it starts and plans, most likely
            time.sleep(chance.uniform(0, 4))
        else:
            more = chance.randint(1, 4)
            for _ in waiting():
                if kept.look() >= before + more or process.poll() is not None:
                    break
            time.sleep(chance.uniform(0, 0.15))
        if moment % 3 == 2:
            sweep.kill()
        else:
            process.kill()
        assert process.wait(30) in (-signal.SIGKILL, 0)
        process.communicate()
        sweep.all_end()
        locks_left += (sweep.results / LOCK).exists()
        kept.look()
    assert locks_left > MOMENTS / 2
    sweep.run()
    nothing_is_lost(sweep, kept, undisturbed(sweep))


@pytest.mark.slow
def test_killing_workers_loses_nothing(
    new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    sweep, chance = new_sweep(cells=60, pause=0.3), random.Random(1)
    kept, killed, process = Kept(sweep), 0, sweep.start()
    while killed < MOMENTS and process.poll() is None:
        begun = len(sweep.starts())
        for _ in waiting():
            if len(sweep.starts()) > begun or process.poll() is not None:
                break
        time.sleep(chance.uniform(0, 0.2))
        kept.look()
        workers = {pid for _, pid, _ in sweep.starts()} & set(sweep.processes())
        if workers:
            os.kill(chance.choice(sorted(workers)), signal.SIGKILL)
            killed += 1
    assert killed == MOMENTS
    assert ended(process)[::2] == (0, "")
    nothing_is_lost(sweep, kept, undisturbed(sweep))


@pytest.mark.slow
def test_killing_the_server_that_workers_are_forked_from_loses_nothing(
    new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    sweep = new_sweep(cells=30, pause=0.2)
    kept, process = Kept(sweep), sweep.start()
    for cells in (2, 15):
        for _ in waiting():
            if kept.look() >= cells:
                break
        workers = {pid for _, pid, _ in sweep.starts()} & set(sweep.processes())
        helpers = {p for p in sweep.processes() if "multiprocessing" in program(p)}
        for pid in helpers | workers:
            os.kill(pid, signal.SIGKILL)
    assert ended(process)[0] == 0
    nothing_is_lost(sweep, kept, undisturbed(sweep))


@pytest.mark.slow
def test_a_worker_that_never_lets_go_of_the_interpreter_ends_with_its_driver(
    new_sweep: Callable[..., Sweep],
) -> None:
    sweep = new_sweep(cells=2)
    plugin = sweep.folder / "logged.py"
    stuck = "__import__('re').match('(a+)+$', 40 * 'a' + 'b')  # takes years"
    plugin.write_text(LOGGED.replace('time.sleep(float(os.environ["PAUSE"]))', stuck))
    process = sweep.start()
    for _ in waiting():
        if len(sweep.starts()) == 2:
            break
    process.kill()
    process.wait(30)
    sweep.all_end()


@pytest.mark.slow
def test_a_worker_that_cannot_be_replaced_ends_the_run_in_one_line(
    new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    temporary = Path(tempfile.mkdtemp(prefix="sb-", dir="/tmp"))  # sockets need short paths
    sweep = new_sweep(cells=20, held_from=5, environment={"TMPDIR": str(temporary)})
    process = sweep.start()
    for _ in waiting():
        if len(sweep.cells()) > 2:
            break
    for socket in temporary.rglob("listener-*"):  # as what cleans up /tmp does
        socket.unlink()
    os.kill(min({pid for _, pid, _ in sweep.starts()}), signal.SIGKILL)
    code, _, errors = ended(process)
    assert code == 2
    assert re.fullmatch(r"error: workers can't be started: No such file .* are kept\n", errors)
    sweep.release()
    sweep.run()
    pd.testing.assert_frame_equal(sweep.table(), undisturbed(sweep), check_exact=True)
    shutil.rmtree(temporary)
