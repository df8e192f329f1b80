"""Other pools of processes as engines: the same cells, kept warm in the same way, no more.

None of them survives a cell that takes its process down, ends one that hangs, or shares walks.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch

from scorebench.engine.parcel import Parcel, pack
from scorebench.running.cell import Cell, Result
from scorebench.running.measuring import run_cell
from scorebench.running.workbench import Workbench

_state: list[Any] = []  # of a worker: its workbench, and the cells


def unpack(parcel: Parcel) -> None:
    """Get a worker ready."""
    torch.set_num_threads(1)
    suite, cells = parcel.unpack()
    _state[:] = [Workbench(suite, torch.device("cpu")), cells]


def run_number(number: int) -> Result:
    """Run a cell in a worker."""
    bench, cells = _state
    return run_cell(bench, cells[number])


class Executor:
    """An engine made of an executor with one worker: all cells are handed in, results come back.

    Args:
        make: gives the executor, of a parcel that its worker unpacks.
        call: what runs a cell there.
    """

    def __init__(
        self, make: Callable[[Parcel], Any], call: Callable[[int], Result] = run_number
    ) -> None:
        self._make, self._call = make, call

    def workers(self, bench: Workbench) -> int:
        """One."""
        return 1

    def device_type(self, bench: Workbench) -> str:
        """That of the driver."""
        return bench.device.type

    def run(
        self, bench: Workbench, cells: Sequence[Cell]
    ) -> Generator[tuple[Cell, Result], None, None]:
        """Run all cells in order."""
        executor = self._make(pack(bench, cells))
        results = executor.map(self._call, range(len(cells)))
        yield from zip(cells, results, strict=True)
        executor.shutdown()

    def close(self) -> None:
        """The executor has been shut down."""


def loky(parcel: Parcel) -> Any:
    """joblib's pool."""
    from joblib.externals.loky import ProcessPoolExecutor as Loky

    return Loky(max_workers=1, initializer=unpack, initargs=(parcel,))


def standard(parcel: Parcel) -> Any:
    """The standard library's pool."""
    context = multiprocessing.get_context("forkserver")
    return ProcessPoolExecutor(1, context, initializer=unpack, initargs=(parcel,))


class Memorised:
    """Runs a cell through ``joblib.Memory``, as benchopt runs a solver (benchopt/runner.py)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, number: int) -> Result:
        from joblib import Memory

        cached: Callable[[int], Result] = Memory(self._folder, verbose=0).cache(run_number)
        return cached(number)
