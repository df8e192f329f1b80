"""Many cells, and cells that leak: the memory of who runs them stays within bounds."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import scorebench
from scorebench.engine import pool
from tests.conftest import make_small_suite

from .sweep import Sweep, ended, program, resident

MANY = 10_000
MB = 1 << 20
HANGING = 900.0  # seconds after which they hang
ROW = 20_000  # bytes that a driver may keep of each cell


def gaussian(name: str, sampler: dict[str, Any], **suite: Any) -> str:
    """A suite whose cells take two samples each of a Gaussian in the plane."""
    data = {**make_small_suite(), "name": name, "samples": 2, **suite}
    data["sweep"][0] |= {"schedule": {"name": "constant", "sigma": 1.0}, "sampler": sampler}
    return yaml.safe_dump(data)


def memory(sweep: Sweep, process: subprocess.Popen[str]) -> dict[int, list[int]]:
    """Bytes that the driver and each worker take, looked at now and again while cells run."""
    taken: dict[int, list[int]] = {}
    hanging = threading.Timer(HANGING, process.kill)
    hanging.start()
    assert process.stdout is not None
    for number, _ in enumerate(process.stdout):
        if number % 250 == 1:
            for pid in sweep.processes():
                if pid == process.pid or "multiprocessing.forkserver" in program(pid):
                    taken.setdefault(pid, []).append(resident(pid))
    hanging.cancel()
    assert process.wait(60) == 0
    return taken


def growth(taken: list[int]) -> float:
    """Bytes from the first third of a process's life to the last."""
    third = len(taken) // 3
    return statistics.median(taken[-third:]) - statistics.median(taken[:third])


@pytest.mark.slow
def test_ten_thousand_cells_end_in_flat_memory_and_are_found_again(
    new_sweep: Callable[..., Sweep],
) -> None:
    sweep = new_sweep(cells=1)
    steps = [i / MANY for i in range(1, MANY + 1)]
    langevin = {"name": "langevin", "steps": 1, "step_size": steps}
    sweep.suite.write_text(gaussian("many", langevin))
    began = time.monotonic()
    process = sweep.start()
    taken = memory(sweep, process)
    print(f"{MANY:,} cells: {time.monotonic() - began:.1f} s")
    driver = taken.pop(process.pid)
    workers = [seen for seen in taken.values() if len(seen) >= len(driver) - 3]
    print("growth in MB:", *(round(growth(seen) / MB, 1) for seen in (driver, *workers)))
    assert len(workers) == 3  # and the server that they are forked from
    assert max(growth(seen) for seen in workers) < 30 * MB
    assert growth(driver) < 30 * MB + MANY * ROW
    table = sweep.table()
    assert (table["status"] == "ok").all()
    assert table["sampler.step_size"].tolist() == steps

    before = {path: path.stat().st_mtime_ns for path in sweep.cells()}
    assert len(before) == MANY
    began = time.monotonic()
    code, output, errors = ended(sweep.start())
    print(f"found again: {time.monotonic() - began:.1f} s")
    assert (code, errors) == (0, "")
    assert f"{MANY} cached, 0 to run" in output
    assert {path: path.stat().st_mtime_ns for path in sweep.cells()} == before


LEAKY = """
import os
from dataclasses import dataclass
import scorebench

HELD = []

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

@dataclass(frozen=True, kw_only=True)
class Leaky(scorebench.Sampler):
    number: int
    def trajectory(self, model, sigmas, noise):
        HELD.append(b"x" * (100 << 20))
        log = os.open(os.environ["LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, f"{os.getpid()} {resident()}\\n".encode())
        os.close(log)
        yield self.start(model, sigmas[0], noise) * self.number

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("leaky", Leaky)
"""


@pytest.mark.slow
def test_a_worker_that_leaks_is_replaced_before_it_takes_all_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leak, most, cells = 100 * MB, 250 * MB, 24
    monkeypatch.setattr(pool, "GROWTH", most)
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leaky.py").write_text(LEAKY)
    leaky = {"name": "leaky", "number": list(range(cells))}
    (tmp_path / "suite.yaml").write_text(gaussian("leaky", leaky, plugins=["leaky.py"]))
    table = scorebench.run("suite.yaml", device="cpu")
    assert (table["status"] == "ok").all()
    log = pd.read_csv(tmp_path / "log", sep=" ", names=["process", "memory"])
    assert len(log) == cells
    grown = log.groupby("process")["memory"].agg(lambda seen: seen.max() - seen.iloc[0])
    # A task may have been handed in ahead to a worker when its growth is seen.
    assert grown.max() <= most + 2 * leak + 20 * MB
    assert len(grown) >= cells / 6
