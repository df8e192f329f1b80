"""Running one cell: samples, features, metrics, row. A failure here is a row too."""

from __future__ import annotations

import datetime
import re
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from scorebench.errors import DivergenceError, PluginError, ScorebenchError, TimeLimitError
from scorebench.running import environment
from scorebench.running.evidence import Gathering, as_data, as_evidence
from scorebench.running.pixels import shows_images
from scorebench.running.sampling import (
    CountedModel,
    Totals,
    check_sigmas,
    sample_batches,
    synchronise,
)
from scorebench.running.trajectory import Snapshots
from scorebench.running.workbench import Workbench
from scorebench.suite.sweep import Point

GRID = 64  # samples kept as a picture

# What a row may still get after these columns, so that none of them can be called so.
COLUMNS = frozenset(
    {"suite", "coupled", "environment", "seconds", "seconds_metrics", "peak_memory_mb", "finished"}
)


@dataclass(frozen=True)
class Cell:
    """One point of a sweep with one repeat: the unit of work, of failure and of resuming.

    Attributes:
        point: model, schedule and sampler.
        repeat: from 0.
        seed: of its random streams, shared by all cells of this repeat.
        fingerprint: a digest of everything that can change its numbers.
        n_sigmas: number of noise levels.
        nfe: evaluations per sample to be expected, None if the sampler doesn't say.
    """

    point: Point
    repeat: int
    seed: int
    fingerprint: str
    n_sigmas: int
    nfe: int | None


@dataclass
class Result:
    """What became of a cell.

    Attributes:
        row: its row of the table.
        grid: its first samples, uint8 ``[n, C, H, W]``, if they are images.
        trajectory: how some of them came about, uint8 ``[samples, states, C, H, W]``, if the
            sampler yielded more than one state.
        traceback: of what ended it early.
    """

    row: dict[str, Any]
    grid: np.ndarray[Any, Any] | None = None
    trajectory: np.ndarray[Any, Any] | None = None
    traceback: str | None = None


def run_cell(bench: Workbench, cell: Cell) -> Result:
    """Run a cell to its end, whatever that is.

    Raises:
        KeyboardInterrupt: the user's; everything else becomes a row.
    """
    row: dict[str, Any] = {
        "repeat": cell.repeat,
        "seed": cell.seed,
        "samples": bench.suite.samples,
        "n_sigmas": cell.n_sigmas,
        "status": "ok",
        "error": None,
        "device": environment.device_name(bench.device),
        "fingerprint": cell.fingerprint,
    }
    if cell.point.sampler.component.coupled:
        row["coupled"] = True
    result = Result(row)
    started = time.perf_counter()
    if bench.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(bench.device)
    try:
        _measure(bench, cell, result)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        row["status"] = _status(error)
        row["error"] = _one_line(error)
        result.traceback = traceback.format_exc()
    row["seconds"] = time.perf_counter() - started
    row["peak_memory_mb"] = environment.peak_memory_mb(bench.device)
    row["finished"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return result


def _measure(bench: Workbench, cell: Cell, result: Result) -> None:
    suite, row, point = bench.suite, result.row, cell.point
    timeout = suite.limits.timeout
    row |= bench.yardstick(point.model)
    deadline = None if timeout is None else time.monotonic() + timeout
    model = CountedModel(bench.model(point.model), getattr(torch, suite.precision.state))
    states = bench.states(point.model)
    sigmas = point.schedule.component.sigmas(bench.context)
    check_sigmas(sigmas)
    sigmas = sigmas.to("cpu", torch.float64)
    totals = Totals()
    snapshots = _snapshots(model, min(suite.batch_size, suite.samples))
    batches = sample_batches(
        model,
        point.sampler.component,
        sigmas,
        suite.samples,
        seed=cell.seed,
        batch_size=suite.batch_size,
        deadline=deadline,
        totals=totals,
        watch=None if snapshots is None else snapshots.add,
    )
    gathering = Gathering(bench.extract, bench.needs, suite.samples)
    grid: list[np.ndarray[Any, Any]] = []
    trajectory = None
    begun = 0
    while begun < suite.samples:
        begun = min(begun + suite.batch_size, suite.samples)
        with _Timed(row, "seconds_sampling", bench.device):
            try:
                x = next(batches)
            finally:
                row["nfe"] = model.evaluations / begun
        if snapshots and not grid:
            trajectory = snapshots.images(x)
        with _Timed(row, "seconds_features", bench.device):
            batch = as_data(model, x)
            if snapshots and sum(map(len, grid)) < GRID:
                grid.append(batch[:GRID].cpu().numpy())
            gathering.add(batch)
    if grid:
        result.grid, result.trajectory = np.concatenate(grid)[:GRID], trajectory
    row["samples_per_second"] = suite.samples / max(row["seconds_sampling"], 1e-9)
    _add_columns(result, point, f"sampler {point.sampler.name}", totals.means())
    generated = as_evidence(gathering.arrays(), model, sigmas, bench.context)
    with _Timed(row, "seconds_metrics", bench.device):
        for metric, state in zip(suite.metrics, states, strict=True):
            columns = metric.component.compute(state, generated)
            _add_columns(result, point, f"metric {metric.name}", columns)


def _snapshots(model: CountedModel, count: int) -> Snapshots | None:
    if model.value_range is None or not shows_images(model.event_shape, model.value_range):
        return None
    return Snapshots((count, *model.event_shape), model.value_range)


def _add_columns(result: Result, point: Point, owner: str, columns: Mapping[str, float]) -> None:
    for name in columns:
        if not re.fullmatch(r"\w+", str(name)):
            raise PluginError(f"{owner} gives column {name!r}, not a word")
        if name in {*result.row, *point.columns(), *COLUMNS}:
            raise PluginError(f"{owner} gives column {name}, which is taken")
    result.row.update({name: float(value) for name, value in columns.items()})


class _Timed:
    """Adds the seconds a block takes, its device work included, to a column of a row."""

    def __init__(self, row: dict[str, Any], column: str, device: torch.device) -> None:
        self.row, self.column, self.device = row, column, device

    def __enter__(self) -> None:
        self.started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        synchronise(self.device)
        elapsed = time.perf_counter() - self.started
        self.row[self.column] = self.row.get(self.column, 0.0) + elapsed


def _status(error: BaseException) -> str:
    match error:
        case DivergenceError():
            return "diverged"
        case TimeLimitError():
            return "timeout"
        case torch.OutOfMemoryError() | MemoryError():
            return "out_of_memory"
        case _:
            return "failed"


def _one_line(error: BaseException) -> str:
    try:
        told = " ".join(str(error).split())
    except Exception:  # of its own __str__
        told = ""
    if isinstance(error, ScorebenchError) and told:
        return told
    return f"{type(error).__name__}: {told}" if told else type(error).__name__
