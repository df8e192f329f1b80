"""Sweeps of processes, of which none outlives its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import scorebench

from .sweep import Sweep, unclocked


@pytest.fixture
def new_sweep(tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    """Make a sweep of so many cells; whatever of it still runs at the end is killed."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes are found by /proc")
    made: list[Sweep] = []

    def make(**options: Any) -> Sweep:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Sweep(folder, **options))
        return made[-1]

    yield make
    for sweep in made:
        sweep.close()


@pytest.fixture
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sweep], pd.DataFrame]:
    """What the table of a sweep would be if nobody disturbed it, without what is clocked."""

    def table(sweep: Sweep) -> pd.DataFrame:
        with monkeypatch.context() as patch:
            patch.chdir(sweep.folder)
            patch.setenv("LOG", "/dev/null")
            patch.setenv("PAUSE", "0")
            patch.setenv("HOLD", "")
            patch.setenv("HELD_FROM", "0")
            apart = sweep.folder / "undisturbed"
            return unclocked(
                scorebench.run(sweep.suite, results=apart, engine="inline", device="cpu")
            )

    return table
