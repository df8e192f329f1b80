"""Running cells that are read off one walk, to their rows. A failure here is a row too."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import TypeAlias

import torch
from torch import Tensor

from scorebench.plugin.contracts import Reading
from scorebench.running import failure
from scorebench.running.cell import Cell, Result
from scorebench.running.member import Member
from scorebench.running.noise import StreamNoise
from scorebench.running.process_state import own_process_state
from scorebench.running.sampling import CountedModel, Totals, check_sigmas, reads, synchronise
from scorebench.running.trajectory import Snapshots
from scorebench.running.workbench import Workbench

Walk: TypeAlias = Generator[tuple[int | None, Tensor], None, Mapping[str, Tensor] | None]
Caught: TypeAlias = Callable[[BaseException], object]

PULSE = 1.0  # seconds during a walk between calls that tell that it goes on


def run_cell(bench: Workbench, cell: Cell) -> Result:
    """Run a cell to its end, whatever that is.

    Raises:
        KeyboardInterrupt: the user's; everything else becomes a row.
    """
    return run_cells(bench, [cell])[0]


def run_cells(
    bench: Workbench,
    cells: Sequence[Cell],
    *,
    began: Callable[[], object] = lambda: None,
    caught: Caught = lambda _: None,
) -> list[Result]:
    """Run cells whose samples one walk can give: those of equal ``walk``.

    Args:
        bench: what they share with others.
        cells: any number of them.
        began: called once all is loaded, or that has failed, and time is counted; then whenever
            another stage of the work, each of which a cell's time limit bounds, has ended: the
            walk, a cell and, once in a while as there may be many, what a cell takes of the walk.
        caught: called with every error that ends a cell, while it is handled.

    Raises:
        KeyboardInterrupt: the user's; everything else becomes a row.
    """
    return _Measurement(bench, cells, began, caught).run()


def longest(readings: Iterable[Reading]) -> Reading:
    """Of readings of one family that whose walk gives the states of all; None is the end."""
    return max(readings, key=lambda reading: reading.states or math.inf)


class _TooLargeError(Exception):
    """A batch takes too much memory, and could be smaller."""


class _Measurement:
    """The cells of one walk while they are measured."""

    def __init__(
        self,
        bench: Workbench,
        cells: Sequence[Cell],
        began: Callable[[], object],
        caught: Caught,
    ) -> None:
        self._bench, self._suite, self._began, self._caught = bench, bench.suite, began, caught
        self._members: list[Member] = []
        self._cells = cells
        self._smaller = False  # whether what takes too much memory is tried with less
        self._totals = Totals()
        self._deadline: float | None = None
        self._pulse = time.monotonic() + PULSE  # when it is to be told next that the walk goes on

    @property
    def _coupled(self) -> bool:
        """Whether the batch size decides numbers: of a walk's cells for all or for none."""
        return self._cells[0].point.sampler.component.coupled  # type: ignore[no-any-return]

    @property
    def _active(self) -> list[Member]:
        return [member for member in self._members if not member.ended]

    def run(self) -> list[Result]:
        if self._bench.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._bench.device)
        started = time.perf_counter()
        self._members = [Member(self._bench, cell) for cell in self._cells]
        with self._failing(self._members), self._apart():
            self._load()
        for member in self._active:
            member.spend(time.perf_counter() - started)
        self._began()
        if self._active:
            self._measure()
        return [member.result for member in self._members]

    def _load(self) -> None:
        bench, point = self._bench, self._cells[0].point
        yardstick = bench.yardstick(point.model)
        for member in self._members:
            member.result.row |= yardstick
        state = getattr(torch, self._suite.precision.state)
        self._model = CountedModel(bench.model(point.model), state)
        bench.states(point.model)
        sigmas = point.schedule.component.sigmas(bench.context)
        check_sigmas(sigmas)
        self._sigmas = sigmas.to("cpu", torch.float64)
        for member in self._members:
            member.prepare()

    def _measure(self) -> None:
        for member in self._members:
            with self._failing([member]):
                self._reuse(member)
        self._in_batches(self._active, self._walk)
        self._began()
        told: Mapping[str, float] = {}
        with self._failing(self._active):
            told = self._totals.means()
        for member in self._active:
            self._finish(member, told if member.reading.states is None else {})

    def _reuse(self, member: Member) -> None:
        """End a cell with samples that were kept, if there are any."""
        kept = member.find_kept(self._model)
        if kept is None:
            return

        def take(indices: range) -> None:
            samples = kept.samples[indices.start : indices.stop]
            member.take_kept(samples, self._model, indices.start)

        self._in_batches([member], take)
        if not member.ended:
            self._finish(member, kept.statistics)

    def _finish(self, member: Member, statistics: Mapping[str, float]) -> None:
        with self._failing([member]), self._apart():
            member.finish(self._model, self._sigmas, statistics)
        self._began()

    def _in_batches(self, members: Sequence[Member], take: Callable[[range], object]) -> None:
        """Take all samples in batches, and in smaller ones where they take too much memory."""
        suite, sizes, model = self._suite, self._bench.batch_sizes, id(self._cells[0].point.model)
        size, done = suite.batch_size, 0
        if not self._coupled:
            size = sizes.get(model, size)
        while done < suite.samples and (active := [m for m in members if not m.ended]):
            for member in active:
                member.begin_batch()
                if size < suite.batch_size:
                    told = {"batch_size": suite.batch_size, "batch_size_used": size}
                    member.result.row |= told
            indices = range(done, min(done + size, suite.samples))
            self._smaller = len(indices) > 1 and not self._coupled
            before = self._model.evaluations
            with suppress(_TooLargeError):
                with self._failing(active), self._apart(indices.start):
                    take(indices)
                done = indices.stop
            if done == indices.stop:
                for member in active:
                    member.end_batch()
            else:
                self._model.evaluations = before
                size = sizes[model] = (len(indices) + 1) // 2
                if self._bench.device.type == "cuda":
                    torch.cuda.empty_cache()
            self._go_on()
        self._smaller = False

    def _walk(self, indices: range) -> None:
        """Walk a batch for all that haven't ended."""
        waiting, told = self._active, None
        walk, noise, snapshots = self._start(waiting, indices)
        with closing(walk):
            while waiting := [m for m in waiting if not m.ended]:
                with self._failing(waiting):
                    stop, x, told = self._step(walk, waiting, indices.stop)
                reading = [m for m in waiting if not m.ended and m.reading.states == stop]
                waiting = [m for m in waiting if m not in reading]
                for member in reading:
                    with self._failing([member]), self._apart(indices.start):
                        model, sigmas = self._model, self._sigmas
                        batch = member.take(x, model, sigmas, noise, indices.start, snapshots)
                        others = sum(m.collected for m in self._members if m is not member)
                        member.collect(batch, indices.start, others)
                    self._go_on()
        self._smaller = False  # or some of it might be added twice
        if told is not None:
            self._totals.add(told, len(indices))

    def _start(
        self, members: Sequence[Member], indices: range
    ) -> tuple[Walk, StreamNoise, Snapshots | None]:
        model, count, seed = self._model, len(indices), self._cells[0].seed
        noise = StreamNoise(
            seed, indices, model.event_shape, device=model.device, dtype=model.dtype
        )
        snapshots = None
        if indices.start == 0 and model.value_range is not None and model.shows_images:
            snapshots = Snapshots((count, *model.event_shape), model.value_range)
        walk = reads(
            longest([member.reading for member in members]).walk,
            model,
            self._sigmas,
            noise,
            count,
            {member.reading.states for member in members},
            deadline=lambda: self._deadline,
            watch=None if snapshots is None else snapshots.add,
        )
        return walk, noise, snapshots

    def _step(
        self, walk: Walk, waiting: Sequence[Member], samples: int
    ) -> tuple[int | None, Tensor, Mapping[str, Tensor] | None]:
        """Walk to where the next members read; after the last, what the sampler has told.

        It may last as long as any of those that wait has time.
        """
        if (timeout := self._suite.limits.timeout) is not None:
            left = max(timeout - member.measured for member in waiting)
            self._deadline = time.monotonic() + left
        started, before = time.perf_counter(), self._model.evaluations
        try:
            stop, x = next(walk)
            last = all(member.reading.states == stop for member in waiting)
            told = _rest(walk) if last else None
        finally:
            synchronise(self._bench.device)
            for member in waiting:
                member.spend(time.perf_counter() - started, "seconds_sampling")
                member.count(self._model.evaluations - before, samples)
        return stop, x, told

    @contextmanager
    def _failing(self, members: Sequence[Member]) -> Iterator[None]:
        """Let an error end these members, unless less memory might prevent it."""
        try:
            yield
        except (KeyboardInterrupt, _TooLargeError):
            raise
        except BaseException as error:
            if self._smaller and failure.is_out_of_memory(error):
                raise _TooLargeError from None
            self._caught(error)
            for member in members:
                if not member.ended:
                    member.fail(error)

    def _apart(self, first: int = 0) -> AbstractContextManager[None]:
        """Run a block as if nothing had run before, and leave no trace of it.

        What cells that share a walk are given must not depend on that. Whoever uses global random
        numbers is to have others in each batch: ``first`` is the number of its first sample.
        """
        seed = self._cells[0].seed + first
        return own_process_state(self._bench.device, seed, self._suite.determinism)

    def _go_on(self) -> None:
        """Tell that a stage of the walk has ended; not of each, or who hears it had much to do."""
        if (now := time.monotonic()) >= self._pulse:
            self._pulse = now + PULSE
            self._began()


def _rest(walk: Walk) -> Mapping[str, Tensor] | None:
    """Let a walk end; what the sampler tells of it."""
    try:
        next(walk)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    return None
