"""The order of work: tasks of one model stay with one worker, long ones go first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from scorebench.engine.tasks import Task


class Queue:
    """Tasks that wait, by score model."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._waiting: dict[int, deque[Task]] = {}
        for task in sorted(tasks, key=lambda task: -task.cost):
            self._waiting.setdefault(task.model, deque()).append(task)
        self._again: deque[Task] = deque()
        self._left = {model: _cost(waiting) for model, waiting in self._waiting.items()}

    def __len__(self) -> int:
        return len(self._again) + sum(map(len, self._waiting.values()))

    def again(self, task: Task) -> None:
        """Put a task back; it is the next."""
        self._again.append(task)

    def take(self, mine: int | None, taken: Iterable[int | None]) -> Task | None:
        """The next task for a worker, None if there are none.

        Args:
            mine: the model of its last task.
            taken: models of the other workers' tasks. One that nobody has is started before one
                that somebody has is shared; among them, that with most work left.
        """
        if self._again:
            return self._again.popleft()
        if not self._waiting:
            return None
        others = set(taken)
        model = mine
        if model not in self._waiting:
            model = max(self._waiting, key=lambda m: (m not in others, self._left[m]))
        task = self._waiting[model].popleft()
        self._left[model] -= _cost([task])
        if not self._waiting[model]:
            del self._waiting[model]
        return task


def _cost(tasks: Iterable[Task]) -> float:
    known = [task.cost if task.nfe is not None else 1.0 for task in tasks]
    return sum(known)
