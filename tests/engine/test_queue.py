from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scorebench.engine.queue import Queue
from scorebench.engine.tasks import Task, tasks

MODELS = [{"name": "gaussian", "mean": [float(i)]} for i in range(3)]


@pytest.fixture
def work(planned: Callable[..., Any]) -> list[Task]:
    """Tasks of three models, each with 3, 10 and 30 levels."""
    schedule = {"name": "geometric", "n": [10, 3, 30], "sigma_max": 5}
    _, cells = planned({"model": MODELS, "schedule": schedule, "sampler": "euler"})
    return tasks(cells)


def taken(queue: Queue, mine: int | None, others: list[int | None]) -> Task:
    task = queue.take(mine, others)
    assert task is not None
    return task


def test_one_worker_does_a_model_after_the_other_the_longest_tasks_first(
    work: list[Task],
) -> None:
    queue, mine, order = Queue(work), None, []
    while task := queue.take(mine, []):
        mine = task.model
        order.append((task.cells[0].point.model.given["mean"][0], task.nfe))
    assert order == [(m, n) for m in (0.0, 1.0, 2.0) for n in (30, 10, 3)]
    assert len(queue) == 0


def test_workers_begin_with_a_model_each(work: list[Task]) -> None:
    queue = Queue(work)
    first = taken(queue, None, [None, None]).model
    second = taken(queue, None, [first, None]).model
    third = taken(queue, None, [first, second]).model
    assert len({first, second, third}) == 3


def test_a_worker_stays_with_its_model_though_others_have_longer_tasks(work: list[Task]) -> None:
    queue = Queue(work)
    mine = taken(queue, None, []).model
    assert taken(queue, mine, []).model == mine
    assert taken(queue, mine, []).model == mine


def test_who_has_done_its_model_helps_where_most_is_left(work: list[Task]) -> None:
    queue = Queue(work)
    models = [task.model for task in work[::3]]
    for _ in range(3):
        taken(queue, models[0], [])
    taken(queue, models[1], [])
    helped = taken(queue, models[0], [models[1], models[2]])
    assert helped.model == models[2]


def test_what_is_put_back_is_next(work: list[Task]) -> None:
    queue = Queue(work)
    task = taken(queue, None, [])
    queue.again(task)
    assert len(queue) == 9
    assert taken(queue, work[-1].model, []) is task
