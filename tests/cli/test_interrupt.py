"""Ctrl-C at any time loses no finished cell."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tests.conftest import Python

SLOW = """
import time
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class Slow(scorebench.Sampler):
    seconds: float
    def trajectory(self, model, sigmas, noise):
        x = self.start(model, sigmas[0], noise)
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            time.sleep(0.01)
            yield x
        yield x

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("slow", Slow)
"""


def listen_to_interrupts() -> None:
    """Where tests run in the background, processes inherit that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_run_keeps_its_cells_and_goes_on_from_them(
    tmp_path: Path, small_suite: dict[str, Any], environment: dict[str, str], python: Python
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    small_suite["sweep"][0]["schedule"]["n"] = 3
    small_suite["sweep"][0]["sampler"] = ["euler", {"name": "slow", "seconds": [0.01, 60]}]
    small_suite |= {"plugins": ["slow.py"], "batch_size": 40}
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(small_suite))
    command = ["-m", "scorebench", "run", "suite.yaml"]
    cells = tmp_path / "results" / "small" / "cells"
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=listen_to_interrupts,
    )
    give_up = time.monotonic() + 300
    while time.monotonic() < give_up and len(list(cells.glob("*.json"))) < 2:
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert errors.decode().strip() == "interrupted; the same command goes on from here"
    assert "2 of 3 cells" in output.decode()
    assert len(pd.read_parquet(cells.parent / "table.parquet")) == 2
    small_suite["sweep"][0]["sampler"][1]["seconds"] = [0.01]
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(small_suite))
    assert "2 cached, 0 to run" in python(*command).stdout
