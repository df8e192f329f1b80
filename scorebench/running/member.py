"""A cell while it is measured: what it takes from a walk, and the row that becomes of it."""

from __future__ import annotations

import datetime
import re
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scorebench.errors import PluginError, TimeLimitError
from scorebench.plugin.contracts import Noise, Reading, Sampler
from scorebench.running import environment, failure
from scorebench.running.cell import Cell, Result
from scorebench.running.evidence import Gathering, as_data, as_evidence
from scorebench.running.kept import Kept, kept_as
from scorebench.running.sampling import CountedModel, check_finite, check_shape, synchronise
from scorebench.running.trajectory import Snapshots
from scorebench.running.workbench import Workbench

GRID = 64  # samples kept as a picture
# What rows of the same samples have in common, whatever is measured of them.
KEPT = ("nfe", "seconds_sampling", "batch_size", "batch_size_used")

# What a time limit bounds the sum of.
LIMITED = ("seconds_sampling", "seconds_features", "seconds_metrics")

# What a row may still get after these columns, so that none of them can be called so.
COLUMNS = frozenset(
    {
        "suite",
        "coupled",
        "batch_size",
        "batch_size_used",
        "environment",
        "seconds",
        "seconds_metrics",
        "peak_memory_mb",
        "finished",
    }
)


def reading_of(sampler: Sampler) -> Reading:
    """How a sampler's samples are had from a walk: its own to the end, unless it says so.

    Raises:
        PluginError: what it says is no reading.
    """
    found = sampler.reading()
    if found is None:
        return Reading(walk=sampler, family=sampler, states=None, end=None)
    if not (
        isinstance(found, Reading)
        and isinstance(found.walk, Sampler)
        and isinstance(found.family, Sampler)
        and (found.states is None or (type(found.states) is int and found.states >= 1))
        and (found.end is None or callable(found.end))
    ):
        raise PluginError(f"{type(sampler).__name__}.reading() gave {found!r:.200}, no reading")
    return found


def opening(bench: Workbench, cell: Cell) -> dict[str, Any]:
    """The row of a cell with what is known before it runs."""
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
    return row


class Member:
    """One of the cells that are read off a walk.

    Attributes:
        cell: the cell.
        reading: how its samples are had from the walk.
        result: what is known of it so far.
        ended: whether that is all.
    """

    def __init__(self, bench: Workbench, cell: Cell) -> None:
        self.cell, self.ended = cell, False
        self._bench = bench
        self._evaluations = self._of_batch = 0
        self._seconds = 0.0
        self._done: dict[str, Any] = {}  # the row after the last batch
        self._gathering: Gathering | None = None
        self._collected: np.ndarray[Any, Any] | None = None
        self._grid: list[np.ndarray[Any, Any]] = []
        self.result = Result(opening(bench, cell), bench.environment)

    def prepare(self) -> None:
        """Find out how to read the walk, and make room for what metrics need."""
        self.reading = reading_of(self.cell.point.sampler.component)
        bench = self._bench
        self._gathering = Gathering(bench.extract, bench.needs, bench.suite.samples)

    @contextmanager
    def timed(self, column: str) -> Iterator[None]:
        """Add the seconds a block takes, its device work included, to a column of the row."""
        started = time.perf_counter()
        try:
            yield
        finally:
            synchronise(self._bench.device)
            self.spend(time.perf_counter() - started, column)

    def spend(self, seconds: float, column: str | None = None) -> None:
        """Add to the seconds of the row and to a column of them; a time limit counts columns."""
        self._seconds += seconds
        if column is not None:
            self.result.row[column] = self.result.row.get(column, 0.0) + seconds

    @property
    def measured(self) -> float:
        """Seconds that a time limit counts."""
        return float(sum(self.result.row.get(column, 0.0) for column in LIMITED))

    def _check_time(self, when: str) -> None:
        limit = self._bench.suite.limits.timeout
        if limit is not None and self.measured > limit:
            raise TimeLimitError(f"out of time {when}")

    def begin_batch(self) -> None:
        """Get ready for a batch, or another try at one: only ``seconds`` keep what failed took."""
        self._of_batch = 0
        row = self.result.row
        row |= {column: self._done.get(column, 0.0) for column in LIMITED if column in row}

    def end_batch(self) -> None:
        """Count the batch as done."""
        self._evaluations += self._of_batch
        self._done = dict(self.result.row)

    def count(self, evaluations: int, samples: int) -> None:
        """Count evaluations made for this batch, the last of so many ``samples``."""
        self._of_batch += evaluations
        self.result.row["nfe"] = (self._evaluations + self._of_batch) / samples

    def take(
        self,
        x: Tensor,
        model: CountedModel,
        sigmas: Tensor,
        noise: Noise,
        first: int,
        snapshots: Snapshots | None,
    ) -> Tensor:
        """Make samples of a state, as a dataset would hold them, and gather what metrics need.

        Args:
            x: the state ``[B, *event]``.
            model, sigmas, noise: those of the walk.
            first: number of the first sample.
            snapshots: of the states up to x, where they are to be kept.
        """
        before, count = model.evaluations, len(x)
        self._check_time("at the end of a trajectory")
        with self.timed("seconds_sampling"):
            try:
                if self.reading.end is not None:
                    with torch.no_grad():
                        x = self.reading.end(x, model, sigmas, noise)
                    check_shape(x, self.reading.walk, model, count)
                check_finite(x, "at the end")
            finally:
                self.count(model.evaluations - before, first + count)
                model.evaluations = before  # these aren't the walk's
        if snapshots is not None:
            if self.reading.end is not None:
                snapshots = snapshots.copy()
                snapshots.add(x)
            self.result.trajectory = snapshots.images(x)
        with self.timed("seconds_features"):
            batch = as_data(model, x)
            self._gather(batch, first, images=model.shows_images)
        return batch

    def _gather(self, batch: Tensor, first: int, *, images: bool) -> None:
        assert self._gathering is not None
        if images and first < GRID:
            del self._grid[first:]  # of a larger batch that failed
            self._grid += list(batch[: GRID - first].cpu().numpy())
        self._gathering.add(batch, first)

    def collect(self, batch: Tensor, first: int, others: int) -> None:
        """Hold on to a batch of what is to be kept; ``others`` hold so many bytes meanwhile."""
        if first == 0:
            self._collected = self._collection(batch, others)
        if self._collected is not None:
            self._collected[first : first + len(batch)] = batch.cpu().numpy()

    @property
    def collected(self) -> int:
        """Bytes of samples that are held on to."""
        return 0 if self._collected is None else self._collected.nbytes

    def _collection(self, batch: Tensor, others: int) -> np.ndarray[Any, Any] | None:
        """Room for all samples, if they are going to take so long that they are to be kept."""
        if not self._bench.reuse or batch.dtype == torch.bfloat16:  # which numpy doesn't know
            return None
        samples, kept = self._bench.suite.samples, self._bench.kept
        seconds = self.result.row["seconds_sampling"] * samples / len(batch)
        size = samples * batch[0].nbytes
        if not kept.is_worthwhile(seconds, size) or others + size > kept.limit:
            return None
        return np.empty((samples, *batch.shape[1:]), batch[:1].cpu().numpy().dtype)

    def find_kept(self, model: CountedModel) -> Kept | None:
        """Samples that were kept, if there are any; the row tells from now on how they were had."""
        bench = self._bench
        kept = bench.kept.find(self._kept_as) if bench.reuse else None
        if kept is None or kept.samples.shape != (bench.suite.samples, *model.event_shape):
            return None
        self.result.row |= kept.row
        self.result.environment = {**bench.environment, "threads": kept.threads}
        self.result.trajectory = kept.trajectory
        self._seconds += kept.row["seconds_sampling"]
        self.end_batch()
        return kept

    def take_kept(self, samples: np.ndarray[Any, Any], model: CountedModel, first: int) -> None:
        """Gather what metrics need of a batch of samples that were kept."""
        with self.timed("seconds_features"):
            x = torch.from_numpy(samples).to(self._bench.device)
            self._gather(x, first, images=model.shows_images)

    @property
    def _kept_as(self) -> str:
        return kept_as(self.cell.samples, self._bench.environment)

    def finish(self, model: CountedModel, sigmas: Tensor, statistics: Mapping[str, float]) -> None:
        """Let the metrics compute their columns.

        Args:
            model, sigmas: those of the walk.
            statistics: what the sampler has told of its trajectories.
        """
        bench, row, point = self._bench, self.result.row, self.cell.point
        self._keep_samples(statistics)
        if self._grid:
            self.result.grid = np.stack(self._grid)
        row["samples_per_second"] = bench.suite.samples / max(row["seconds_sampling"], 1e-9)
        self._add_columns(f"sampler {point.sampler.name}", statistics)
        assert self._gathering is not None
        generated = as_evidence(self._gathering.arrays(), model, sigmas, bench.context)
        for metric, state in zip(bench.suite.metrics, bench.states(point.model), strict=True):
            with self.timed("seconds_metrics"):
                columns = metric.component.compute(state, generated)
            self._check_time(f"after metric {metric.name}")
            self._add_columns(f"metric {metric.name}", columns)
        self._close()

    def _keep_samples(self, statistics: Mapping[str, float]) -> None:
        row, kept, samples = self.result.row, self._bench.kept, self._collected
        if samples is not None and kept.is_worthwhile(row["seconds_sampling"], samples.nbytes):
            told = {name: row[name] for name in KEPT if name in row}
            threads = self._bench.environment["threads"]
            found = Kept(samples, told, statistics, threads, self.result.trajectory)
            kept.keep(self._kept_as, found)

    def fail(self, error: BaseException) -> None:
        """End with an error that is being handled."""
        row = self.result.row
        row["status"], row["error"] = failure.status(error), failure.one_line(error)
        self.result.traceback = traceback.format_exc()
        self._close()

    def _close(self) -> None:
        row = self.result.row
        row["seconds"] = self._seconds
        row["peak_memory_mb"] = environment.peak_memory_mb(self._bench.device)
        row["finished"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.ended = True
        self._gathering = self._collected = None  # they may be large, and others go on

    def _add_columns(self, owner: str, columns: Mapping[str, float]) -> None:
        row = self.result.row
        for name in columns:
            if not re.fullmatch(r"\w+", str(name)):
                raise PluginError(f"{owner} gives column {name!r}, not a word")
            if name in {*row, *self.cell.point.columns(), *COLUMNS}:
                raise PluginError(f"{owner} gives column {name}, which is taken")
        row.update({name: float(value) for name, value in columns.items()})
