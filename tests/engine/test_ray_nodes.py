"""How many workers the nodes of a cluster take."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scorebench.engine.ray_nodes import nodes


def entry(cpus: float = 0, gpus: float = 0, *, alive: bool = True) -> dict[str, Any]:
    resources = {"CPU": cpus, "GPU": gpus, "memory": 1e9}
    return {
        "NodeID": f"{cpus}-{gpus}",
        "NodeManagerAddress": "10.0.0.1",
        "Alive": alive,
        "Resources": {name: amount for name, amount in resources.items() if amount},
    }


def test_without_gpus_every_core_of_a_live_node_has_a_worker() -> None:
    table = [entry(), entry(4), entry(2.5), entry(0.5), entry(8, alive=False)]
    found = nodes(table, 1.0, gpus=True)
    assert [(node.workers, node.threads, node.gpu) for node in found] == [
        (4, 1, False),
        (2, 1, False),
    ]


def test_where_there_are_gpus_they_are_used_and_cores_divided() -> None:
    found = nodes([entry(64), entry(8, 2), entry(1, 4)], 0.5, gpus=True)
    assert [(node.workers, node.threads, node.gpu) for node in found] == [
        (4, 2, True),
        (8, 1, True),
    ]


def test_gpus_are_left_alone_where_they_are_not_wanted() -> None:
    (found,) = nodes([entry(8, 2)], 1.0, gpus=False)
    assert (found.workers, found.gpu) == (8, False)


@given(st.integers(1, 16), st.floats(0.01, 1))
def test_workers_of_a_device_take_no_more_than_there_is(gpus: int, share: float) -> None:
    (found,) = nodes([entry(1, gpus)], share, gpus=True)
    each, rest = divmod(found.workers, gpus)
    assert rest == 0
    assert each >= 1
    assert each * share <= 1 + each / 10_000 < (each + 1) * share + 2 * each / 10_000
