"""What an engine with several processes is made of: workers, and the messages they send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from scorebench.running.cell import Result


@dataclass(frozen=True)
class Ready:
    """The worker has started, and knows the run.

    Attributes:
        environment: what it computes with, as rows name it.
    """

    environment: Mapping[str, Any]


@dataclass(frozen=True)
class Unfit:
    """The worker can't give this run's numbers, and ends.

    Attributes:
        reason: what is installed otherwise than for the driver, in words.
    """

    reason: str


@dataclass(frozen=True)
class Began:
    """The worker has loaded what its oldest task needs, or ended a stage of it.

    What is next may take as long as a cell may.
    """


@dataclass(frozen=True)
class Done:
    """The worker's oldest task has ended.

    Attributes:
        results: one for each of its cells.
        memory: bytes that the worker takes now.
    """

    results: Sequence[Result]
    memory: int


@dataclass(frozen=True)
class Died:
    """The worker is no more.

    Attributes:
        reason: in a few words, e.g. ``killed by SIGSEGV``.
        output: the last that it printed.
        blameless: whether that can't be the fault of what it ran, e.g. a machine was lost.
    """

    reason: str
    output: str = ""
    blameless: bool = False


Message = Ready | Unfit | Began | Done | Died


class Worker(Protocol):
    """A process that runs tasks one after the other, in the order they are handed in.

    It says Ready or Unfit once, and of every task Began, once or more, and Done; Died may come at
    any time, and ends it.

    Attributes:
        place: where it is; equal for workers of one machine.
    """

    @property
    def place(self) -> str: ...

    def submit(self, cells: Sequence[int]) -> None:
        """Hand in a task: the numbers of its cells in the run's parcel."""

    def stop(self) -> None:
        """End the process at once, with all that it has started."""


class Workers(Protocol):
    """Starts workers, and hears from them.

    Attributes:
        count: how many there can be at a time.
    """

    @property
    def count(self) -> int: ...

    def start(self) -> Worker:
        """Start a worker; it says when it is ready."""

    def leave_out(self, worker: Any) -> None:
        """Start no more workers where this one has been."""

    def wait(self, seconds: float | None) -> Iterable[tuple[Worker, Message]]:
        """Messages that have come, after at most so many seconds (None: however long)."""

    def close(self) -> None:
        """End all workers."""
