"""Ctrl-C, SIGTERM and a reader that leaves: all end at once, and what is finished stays."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

import pandas as pd
import pytest

from .sweep import Sweep, content, ended, until

TOLD = "interrupted; the same command goes on from here\n"


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C: the terminal sends it to all processes that it has in the foreground."""
    os.killpg(process.pid, signal.SIGINT)


def finished(sweep: Sweep) -> dict[str, bytes]:
    """All files of cells, each of which is whole."""
    assert [path for path in sweep.cells() if content(path)["row"]["status"] != "ok"] == []
    return {path.name: path.read_bytes() for path in sweep.cells()}


def goes_on(sweep: Sweep, expected: pd.DataFrame) -> None:
    """Check that the same command ends as if nothing had been."""
    before = finished(sweep)
    sweep.release()
    sweep.run()
    assert before.items() <= finished(sweep).items()
    pd.testing.assert_frame_equal(sweep.table(), expected, check_exact=True)


@pytest.mark.slow
def test_ctrl_c_while_it_starts_ends_it_and_leaves_no_process(
    new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    sweep, chance = new_sweep(cells=20), random.Random(2)
    for moment in range(6):
        process = sweep.start()
        if moment % 2:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("sweep: 20 cells")
        time.sleep(chance.uniform(0, 0.5 if moment % 2 else 3))
        if process.poll() is None:
            interrupt(process)
        code, _, errors = ended(process)
        assert code in (0, 130, -signal.SIGINT)
        if code == 130:  # otherwise it may tell what it was about to import
            assert errors.strip() in ("", TOLD.strip())
        sweep.all_end()
    goes_on(sweep, undisturbed(sweep))


@pytest.mark.slow
@pytest.mark.parametrize("gap", [None, 0.0, 0.1])
def test_ctrl_c_while_cells_run_keeps_those_that_have_ended(
    gap: float | None,
    new_sweep: Callable[..., Sweep],
    undisturbed: Callable[[Sweep], pd.DataFrame],
) -> None:
    sweep = new_sweep(cells=20, held_from=5)
    process = sweep.start()
    until(lambda: len(sweep.cells()) > 2)
    interrupt(process)
    if gap is not None:  # and once more, by somebody in a hurry
        time.sleep(gap)
        if process.poll() is None:
            interrupt(process)
    code, output, errors = ended(process)
    if gap is None:
        assert (code, errors) == (130, TOLD)
        assert f"{len(sweep.cells())} of 20 cells in {sweep.results}" in output
        assert len(sweep.table()) == len(sweep.cells())
    assert code in (130, -signal.SIGINT)
    sweep.all_end()
    goes_on(sweep, undisturbed(sweep))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_jobs_or_terminals_ends_it_as_ctrl_c_does(
    number: signal.Signals,
    new_sweep: Callable[..., Sweep],
    undisturbed: Callable[[Sweep], pd.DataFrame],
) -> None:
    sweep = new_sweep(cells=20, held_from=5)
    process = sweep.start()
    until(lambda: len(sweep.cells()) > 2)
    process.send_signal(number)
    code, _, errors = ended(process)
    assert (code, errors) == (130, TOLD)
    assert len(sweep.table()) == len(sweep.cells())
    sweep.all_end()
    goes_on(sweep, undisturbed(sweep))


@pytest.mark.slow
def test_a_reader_that_leaves_does_not_end_a_sweep(
    new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    sweep = new_sweep(cells=20)
    process = sweep.start()
    assert process.stdout is not None
    assert process.stdout.readline().startswith("sweep: 20 cells")
    process.stdout.close()  # as head -1 does
    assert process.wait(120) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    sweep.all_end()
    pd.testing.assert_frame_equal(sweep.table(), undisturbed(sweep), check_exact=True)
