"""Running tasks on workers that may die: who runs what, what is tried again, what is given up."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scorebench.engine.lost import lost
from scorebench.engine.queue import Queue
from scorebench.engine.tasks import Task, tasks
from scorebench.engine.workers import Began, Died, Done, Message, Ready, Unfit, Worker, Workers
from scorebench.errors import UserError
from scorebench.running.cell import Cell, Result
from scorebench.running.workbench import Workbench

RETRIED = frozenset({"failed", "out_of_memory", "crashed"})
GRACE = 3.0  # seconds that a cell gets beyond its time to notice by itself that it is over
LOADING = 600.0  # seconds, or the time limit if longer, in which models and reference are loaded
GROWTH = 2 << 30  # bytes by which a worker may grow after its first task before it is replaced
STARTS = 3  # times in a row that workers may die before they are ready
BLAMELESS = 3  # times that a task is run again since a machine was lost


@dataclass
class _Hand:
    """A worker and what it has to do.

    Attributes:
        failed: how often in a row starting one there had failed before.
        environment: what it computes with; None until it is ready.
        tasks: handed in and not yet done, the oldest first.
        started: when the oldest was handed in or, once all that it needs is loaded, began.
        since: when its latest stage began.
        began: whether all that it needs is loaded.
        done: tasks done.
        baseline: bytes that it took after its first task.
        retiring: whether it is replaced once it has done what it has.
        model: that of the last task handed in.
    """

    worker: Worker
    failed: int
    environment: Mapping[str, Any] | None = None
    tasks: deque[Task] = field(default_factory=deque)
    started: float = 0.0
    since: float = 0.0
    began: bool = False
    done: int = 0
    baseline: int = 0
    retiring: bool = False
    model: int | None = None

    def next(self) -> None:
        """Count time from now on as that of another task."""
        self.started = self.since = time.monotonic()
        self.began = False

    def stage(self) -> None:
        """Count time from now on as that of another stage."""
        self.since = time.monotonic()
        if not self.began:
            self.started, self.began = self.since, True


class Pool:
    """Runs cells on workers.

    A cell during which a worker dies is tried once more on a fresh one if that worker had done
    others before, as what killed it may be theirs; then it is given up as ``crashed``. Cells that
    shared a walk with it run by themselves.

    Args:
        bench: the driver's.
        cells: all that are to be run, in the parcel's order.
        workers: where they run.
    """

    def __init__(self, bench: Workbench, cells: Sequence[Cell], workers: Workers) -> None:
        self._bench, self._workers = bench, workers
        self._number = {cell.fingerprint: i for i, cell in enumerate(cells)}
        self._queue = Queue(tasks(cells))
        self._hands: dict[Worker, _Hand] = {}
        self._tries: Counter[str] = Counter()
        self._losses: Counter[str] = Counter()
        self._warm_deaths: set[str] = set()
        self._avoid: dict[str, str] = {}  # fingerprint → place where it was lost or failed
        self._starts: Counter[str] = Counter()  # place → times that starting one failed

    def run(self) -> Iterator[tuple[Cell, Result]]:
        """Each cell with its result, as it ends."""
        try:
            while self._queue or any(hand.tasks for hand in self._hands.values()):
                self._hand_out()
                now, heard = time.monotonic(), set[Worker]()
                for worker, message in self._workers.wait(self._patience()):
                    heard.add(worker)
                    if worker in self._hands:
                        yield from self._hear(self._hands[worker], message)
                # As of before the wait: what came since, while rows were written, is to be heard.
                yield from self._end_overdue(now, heard)
        finally:
            self._workers.close()

    def _hand_out(self) -> None:
        """Start workers as far as there is work for them, and keep each of them busy."""
        wanted = min(self._workers.count, len(self._queue) + self._busy())
        while len(self._hands) < wanted:
            worker = self._workers.start()
            self._hands[worker] = _Hand(worker, self._starts[worker.place])
        # One task ahead saves a worker from waiting; towards the end it might keep others idle.
        depth = 2 if len(self._queue) > 2 * len(self._hands) else 1
        for hand in sorted(self._hands.values(), key=lambda hand: len(hand.tasks)):
            while hand.environment and not hand.retiring and len(hand.tasks) < depth:
                task = self._take(hand)
                if task is None:
                    break
                if not hand.tasks:
                    hand.next()
                hand.model = task.model
                hand.tasks.append(task)
                hand.worker.submit([self._number[cell.fingerprint] for cell in task.cells])

    def _busy(self) -> int:
        return sum(bool(hand.tasks) for hand in self._hands.values())

    def _take(self, hand: _Hand) -> Task | None:
        """The next task for a worker; what was lost where it is, is left to other places."""
        others = [h.model for h in self._hands.values() if h is not hand]
        left = []
        while (task := self._queue.take(hand.model, others)) and self._is_elsewhere(task, hand):
            left.append(task)
        for each in left:
            self._queue.again(each)
        return task

    def _is_elsewhere(self, task: Task, hand: _Hand) -> bool:
        """Whether a task was lost at this place, and there are workers at others."""
        avoid = self._avoid.get(task.cells[0].fingerprint)
        places = {h.worker.place for h in self._hands.values() if h.environment}
        return avoid == hand.worker.place and len(places) > 1

    def _patience(self) -> float | None:
        """Seconds until the next task is overdue."""
        limits = [self._limit(hand) for hand in self._hands.values() if hand.tasks]
        known = [limit for limit in limits if limit is not None]
        return max(0.0, min(known) - time.monotonic()) if known else None

    def _limit(self, hand: _Hand) -> float | None:
        timeout = self._bench.suite.limits.timeout
        if timeout is None:
            return None
        if not hand.began:
            return hand.since + max(timeout, LOADING)
        return hand.since + timeout + GRACE

    def _end_overdue(self, now: float, heard: set[Worker]) -> Iterator[tuple[Cell, Result]]:
        for hand in list(self._hands.values()):
            limit = self._limit(hand) if hand.tasks else None
            if limit is None or now < limit or hand.worker in heard:
                continue
            task = self._remove(hand)
            hand.worker.stop()
            if len(task.cells) > 1:
                self._part(task)
            else:
                told = f"out of time {'in one go' if hand.began else 'while loading'}"
                yield from self._give_up(hand, task, status="timeout", error=told)

    def _hear(self, hand: _Hand, message: Message) -> Iterator[tuple[Cell, Result]]:
        match message:
            case Ready():
                hand.environment = message.environment
                self._starts.pop(hand.worker.place, None)
            case Unfit():
                raise UserError(
                    f"workers can't go on with this run: {message.reason} now; finished cells are "
                    "kept, and the same command runs the rest as it is now"
                )
            case Began():
                hand.stage()
            case Done():
                yield from self._take_back(hand, message)
            case Died():
                yield from self._bury(hand, message)

    def _take_back(self, hand: _Hand, done: Done) -> Iterator[tuple[Cell, Result]]:
        task = hand.tasks.popleft()
        hand.next()
        hand.done += 1
        hand.baseline = hand.baseline or done.memory
        hand.retiring = hand.retiring or done.memory > hand.baseline + GROWTH
        for cell, result in zip(task.cells, done.results, strict=True):
            assert result.row["fingerprint"] == cell.fingerprint
            yield from self._settle(hand, cell, result)
        if hand.retiring and not hand.tasks:
            del self._hands[hand.worker]
            hand.worker.stop()

    def _settle(self, hand: _Hand, cell: Cell, result: Result) -> Iterator[tuple[Cell, Result]]:
        """Yield a cell's result, or have it tried again, elsewhere if possible."""
        tried = self._tries[cell.fingerprint]
        if result.row["status"] in RETRIED and tried < self._bench.suite.limits.retries:
            self._tries[cell.fingerprint] += 1
            self._avoid[cell.fingerprint] = hand.worker.place
            self._queue.again(Task((cell,)))
        else:
            yield cell, result

    def _bury(self, hand: _Hand, died: Died) -> Iterator[tuple[Cell, Result]]:
        if not hand.environment and not died.blameless:
            place = hand.worker.place
            if hand.failed >= self._starts[place]:  # those that die together count once
                self._starts[place] += 1
            if self._starts[place] >= STARTS:
                self._leave_out(hand.worker, died)
        if not hand.tasks:
            del self._hands[hand.worker]
            return
        task = self._remove(hand)
        first = task.cells[0].fingerprint
        self._avoid |= dict.fromkeys((c.fingerprint for c in task.cells), hand.worker.place)
        if died.blameless and self._losses[first] < BLAMELESS:
            self._losses[first] += 1
            self._queue.again(task)
        elif len(task.cells) > 1:
            self._part(task)
        elif hand.done and first not in self._warm_deaths:
            self._warm_deaths.add(first)
            self._queue.again(task)
        else:
            error, output = died.reason, died.output
            yield from self._give_up(hand, task, status="crashed", error=error, output=output)

    def _leave_out(self, worker: Worker, died: Died) -> None:
        """Do without a place where workers can't start, as long as there are others."""
        if not any(other.environment for other in self._hands.values()):
            raise UserError(f"workers can't start: {died.reason}\n{died.output}".strip())
        print(f"warning: no more workers where they can't start: {died.reason}", file=sys.stderr)
        del self._starts[worker.place]
        self._workers.leave_out(worker)

    def _part(self, task: Task) -> None:
        """Have the cells of a walk run by themselves, as one may be to blame for all."""
        for cell in task.cells:
            self._queue.again(Task((cell,)))

    def _remove(self, hand: _Hand) -> Task:
        """Forget a worker; its oldest task, while those not yet begun go back."""
        del self._hands[hand.worker]
        task = hand.tasks.popleft()
        while hand.tasks:
            self._queue.again(hand.tasks.pop())
        return task

    def _give_up(
        self, hand: _Hand, task: Task, *, status: str, error: str, output: str = ""
    ) -> Iterator[tuple[Cell, Result]]:
        (cell,) = task.cells
        assert hand.environment is not None, "only then it gets tasks"
        result = lost(
            self._bench,
            cell,
            status=status,
            error=error,
            seconds=time.monotonic() - hand.started,
            environment=hand.environment,
            output=output,
        )
        yield from self._settle(hand, cell, result)
