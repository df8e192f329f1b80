"""Two runs at once: into one results directory only one of them, into two without disturbance."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pandas as pd
import pytest

from scorebench.lock import LOCK, holder

from .sweep import Sweep, ended, unclocked, until


def holds(sweep: Sweep) -> int | None:
    """The process that holds the lock of the results directory."""
    about = holder(sweep.results / LOCK)
    return about.get("pid") if about else None


@pytest.mark.slow
def test_of_two_that_start_together_one_does_the_work_and_one_is_told(
    new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    sweep = new_sweep(cells=12, held_from=0)
    both = [sweep.start(), sweep.start()]
    until(lambda: any(process.poll() is not None for process in both))
    sweep.release()
    codes: dict[int, int] = {}
    for process in both:
        code, _, errors = ended(process)
        codes[process.pid] = code
        if code == 2:
            (line,) = errors.splitlines()
            (other,) = (p.pid for p in both if p is not process)
            assert line.startswith(f"error: {sweep.results} is in use by scorebench run ")
            assert f"(process {other} on " in line
        else:
            assert errors == ""
    assert sorted(codes.values()) == [0, 2]
    assert sorted(number for _, _, number in sweep.starts()) == list(range(12))
    pd.testing.assert_frame_equal(sweep.table(), undisturbed(sweep), check_exact=True)
    assert not (sweep.results / LOCK).exists()


@pytest.mark.slow
def test_who_looks_at_a_run_or_runs_elsewhere_does_not_disturb_it(
    new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    sweep = new_sweep(cells=8, held_from=2)
    process = sweep.start()
    until(lambda: bool(sweep.cells()))
    elsewhere = sweep.folder / "elsewhere"
    other = sweep.start("--set", "sweep[0].sampler.number=[0,1]", folder=elsewhere)
    looks = [
        sweep.command("status", str(sweep.results)),
        sweep.command("report", str(sweep.results)),
        sweep.start("--dry-run"),
    ]
    for look in (*looks, other):
        code, output, errors = ended(look)
        assert (code, errors) == (0, "")
        assert "sweep" in output
        if look is looks[0]:
            assert f"(process {process.pid} on" in output
    sweep.release()
    assert ended(process)[::2] == (0, "")
    table = undisturbed(sweep)
    pd.testing.assert_frame_equal(sweep.table(), table, check_exact=True)
    apart = unclocked(pd.read_parquet(elsewhere / "table.parquet"))
    pd.testing.assert_frame_equal(apart, table[:2], check_exact=True)


@pytest.mark.slow
def test_the_lock_of_a_killed_run_does_not_block_the_next(new_sweep: Callable[..., Sweep]) -> None:
    sweep = new_sweep(cells=6, held_from=2)
    process = sweep.start()
    until(lambda: bool(sweep.cells()))
    assert holds(sweep) == process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    assert (sweep.results / LOCK).exists()
    assert holds(sweep) is None
    sweep.release()
    sweep.run()  # while workers of the dead one may still be ending
    assert len(sweep.table()) == 6
    assert not (sweep.results / LOCK).exists()
