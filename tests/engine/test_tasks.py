from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scorebench.engine.tasks import LARGEST, Task, tasks

LEVEL = {"name": "constant", "sigma": 1.0}


def test_cells_of_one_walk_are_one_task(planned: Callable[..., Any]) -> None:
    chain = {"name": "langevin", "step_size": 0.1, "steps": [10, 100, 1000]}
    _, cells = planned({"schedule": LEVEL, "sampler": [{**chain, "denoise": [True, False]}]})
    (task,) = tasks(cells)
    assert list(task.cells) == cells
    # The longest walk, and one evaluation more for each of three that are denoised.
    assert task.nfe == 1000 + 3
    assert task.cost == 1003


def test_what_changes_samples_otherwise_makes_a_task_of_its_own(
    planned: Callable[..., Any],
) -> None:
    chain = {"name": "langevin", "step_size": [0.1, 0.2], "steps": [10, 100]}
    _, cells = planned({"schedule": LEVEL, "sampler": chain}, repeats=3)
    found = tasks(cells)
    assert [len(task.cells) for task in found] == [2] * 6
    for task in found:
        assert len({(c.seed, c.point.sampler.component.step_size) for c in task.cells}) == 1


def test_cells_that_share_nothing_stay_in_order(planned: Callable[..., Any]) -> None:
    _, cells = planned()
    assert [task.cells for task in tasks(cells)] == [(cell,) for cell in cells]


def test_a_walk_of_very_many_cells_is_parted_by_length(planned: Callable[..., Any]) -> None:
    steps = list(range(1, 2 * LARGEST + 4))
    chain = {"name": "langevin", "step_size": 0.1, "steps": steps}
    _, cells = planned({"schedule": LEVEL, "sampler": chain})
    found = tasks(cells)
    assert [task.nfe for task in found] == [2 * LARGEST + 3, LARGEST + 3, 3]
    assert sorted(c.nfe for task in found for c in task.cells) == steps


def test_of_unknown_length_is_a_task_with_such_a_cell(planned: Callable[..., Any]) -> None:
    import dataclasses

    _, cells = planned()
    unknown = Task((dataclasses.replace(cells[0], nfe=None), cells[1]))
    assert unknown.nfe is None
    assert unknown.cost == float("inf")
