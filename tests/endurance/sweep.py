"""A sweep that is run by processes of its own, which can be watched, killed and found again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

MARK = "SCOREBENCH_ENDURANCE"  # an environment variable by which a sweep's processes are known
PATIENCE = 300.0  # seconds after which something hangs
CLOCKED = ("seconds", "samples_per_second", "peak_memory_mb", "finished", "environment")

LOGGED = """
import os
import time
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class Logged(scorebench.Sampler):
    number: int
    def trajectory(self, model, sigmas, noise):
        log = os.open(os.environ["LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, f"{time.time_ns()} {os.getpid()} {self.number}\\n".encode())
        os.close(log)
        x = self.start(model, sigmas[0], noise)
        time.sleep(float(os.environ["PAUSE"]))
        while self.number >= int(os.environ["HELD_FROM"]) and os.path.exists(os.environ["HOLD"]):
            time.sleep(0.01)
        yield x * (1 + self.number / 100)

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("logged", Logged)
"""


class Sweep:
    """A suite of cells that log when they start, and the processes that run it.

    Args:
        folder: where all of it is.
        cells: how many.
        pause: seconds that each takes.
        held_from: cells of this number and higher ones don't end before `release`, so that
            what must happen while the sweep runs does, however slow the machine is.
        within: a command that runs others, e.g. in a namespace of its own.
        results: the results directory, as its processes call it.
        seen: the same as this process sees it.
        environment: variables of its processes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cells: int,
        pause: float = 0.05,
        held_from: int | None = None,
        within: Sequence[str] = (),
        results: Path | None = None,
        seen: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.within = folder, list(within)
        self.results = results or folder / "results"
        self.seen = seen or self.results
        self.mark = f"{MARK}={folder}"
        self.log = folder / "log"
        self.log.touch()
        self._hold = folder / "hold"
        if held_from is not None:
            self._hold.touch()
        self._started: list[subprocess.Popen[str]] = []
        self.environment = {
            **os.environ,
            "COLUMNS": "120",
            "OMP_NUM_THREADS": "1",
            "LOG": str(self.log),
            "PAUSE": str(pause),
            "HOLD": str(self._hold),
            "HELD_FROM": str(held_from or 0),
            MARK: str(folder),
            **(environment or {}),
        }
        (folder / "logged.py").write_text(LOGGED)
        self.suite = folder / "suite.yaml"
        self.suite.write_text(yaml.safe_dump(_suite(cells)))

    def start(self, *arguments: str, folder: Path | None = None) -> subprocess.Popen[str]:
        """``scorebench run`` as the head of a session of its own, as a terminal has it."""
        into = ["--results", str(folder or self.results), "--workers", "2"]
        return self.command("run", str(self.suite), *into, *arguments)

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """``scorebench`` with any arguments."""
        process = subprocess.Popen(
            [*self.within, sys.executable, "-m", "scorebench", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_listen_to_signals,
        )
        self._started.append(process)
        return process

    def run(self, *arguments: str) -> None:
        """Run it to its end, which is a good one."""
        code, _, errors = ended(self.start(*arguments))
        assert (code, errors) == (0, "")

    def release(self) -> None:
        """Let the cells end that were held."""
        self._hold.unlink(missing_ok=True)

    def cells(self) -> list[Path]:
        return sorted((self.seen / "cells").glob("*.json"))

    def starts(self) -> list[tuple[int, int, int]]:
        """For each start of a cell: when (in nanoseconds), the process, and the cell's number."""
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [(int(when), int(process), int(number)) for when, process, number in lines]

    def processes(self) -> list[int]:
        """Those that run now, and were started by this sweep, at any remove."""
        return [pid for pid in _pids() if self.mark in _read(pid, "environ").split("\0")]

    def all_end(self) -> None:
        """Wait until none of the sweep's processes are left."""
        until(lambda: not self.processes())

    def kill(self) -> None:
        """Kill all of them at once, as when the machine loses its power."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        for process in self._started:
            with process:
                pass

    def table(self) -> pd.DataFrame:
        """All that isn't clocked of the table of results, as written."""
        return unclocked(pd.read_parquet(self.seen / "table.parquet"))


def _suite(cells: int) -> dict[str, Any]:
    return {
        "name": "sweep",
        "plugins": ["logged.py"],
        "samples": 40,
        "reference": "model",
        "features": "identity",
        "metrics": ["fid"],
        "limits": {"retries": 20},  # a cell whose worker is killed again and again is no failure
        "sweep": [
            {
                "model": {"name": "gaussian", "mean": [1.0, -1.0], "std": 0.5},
                "schedule": {"name": "constant", "sigma": 1.0},
                "sampler": {"name": "logged", "number": list(range(cells))},
            }
        ],
    }


def _listen_to_signals() -> None:
    """In the background, or under nohup, processes inherit that some are ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _read(pid: int, name: str) -> str:
    """A file of ``/proc``; empty for a process that has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def program(pid: int) -> str:
    """The command line of a process."""
    return _read(pid, "cmdline").replace("\0", " ")


def resident(pid: int) -> int:
    """Bytes of memory that a process takes; 0 for one that has ended."""
    fields = _read(pid, "statm").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if fields else 0


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that is sure to come."""
    for _ in waiting():
        if holds():
            return


def waiting() -> Iterator[None]:
    """Look at something now and again, until the test fails as it takes too long."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        yield
        time.sleep(0.02)
    pytest.fail("it has not come")


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, output and errors of a process."""
    output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output, errors


def unclocked(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=[name for name in table if name.startswith(CLOCKED)])


def content(path: Path) -> Any:
    return json.loads(path.read_bytes())
