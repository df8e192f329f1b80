"""What runs on a node of a Ray cluster: it holds a worker process, and passes on what that says.

The worker is that of the local engine, a child of the actor: a cell that takes its process down
leaves the actor alive, which tells why. Whatever ends the actor ends the worker too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from scorebench.engine.local import LocalWorkers
from scorebench.engine.parcel import Parcel
from scorebench.engine.workers import Message


class Host:
    """An actor, whose methods Ray calls one after the other, in the order of the calls."""

    def begin(self, parcel: Parcel, threads: int, *, gpu: bool) -> None:
        """Start the worker. Of the GPUs here it sees that which is its own."""
        device = torch.device("cuda:0" if gpu and torch.cuda.is_available() else "cpu")
        self._workers = LocalWorkers(parcel, [device], threads)
        self._worker = self._workers.start()

    def submit(self, cells: Sequence[int]) -> None:
        """Hand in a task."""
        self._worker.submit(cells)

    def hear(self) -> list[Message]:
        """All that the worker has to say, once it has something."""
        heard: list[Message] = []
        while not heard:
            heard += (message for _, message in self._workers.wait(None))
        while more := [message for _, message in self._workers.wait(0)]:
            heard += more
        return heard
