"""The nodes of a Ray cluster, and how many workers each of them can take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """A machine of the cluster.

    Attributes:
        id: by which Ray knows it.
        address: by which people do.
        workers: how many it can take.
        threads: for each of them.
        gpu: whether they compute on GPUs.
    """

    id: str
    address: str
    workers: int
    threads: int
    gpu: bool


def nodes(table: Iterable[Mapping[str, Any]], share: float, *, gpus: bool) -> list[Node]:
    """The nodes that can take workers: those with GPUs or, where there are none, all with CPUs.

    On a CPU every worker has one core.

    Args:
        table: as ``ray.nodes()`` gives it.
        share: of a GPU, for each worker, in (0, 1].
        gpus: whether GPUs may be used.
    """
    alive = [entry for entry in table if entry["Alive"]]
    with_gpus = [entry for entry in alive if gpus and entry["Resources"].get("GPU", 0) >= 1]
    found = [_node(entry, share, gpu=bool(with_gpus)) for entry in with_gpus or alive]
    return [node for node in found if node.workers]


def _node(entry: Mapping[str, Any], share: float, *, gpu: bool) -> Node:
    resources = entry["Resources"]
    cores = math.floor(resources.get("CPU", 0))
    # Ray counts in ten-thousandths, and a worker's share is of one device.
    each = 10_000 // max(1, round(10_000 * share))
    workers = math.floor(resources.get("GPU", 0)) * each if gpu else cores
    threads = max(1, cores // workers) if gpu and workers else 1
    return Node(entry["NodeID"], entry["NodeManagerAddress"], workers, threads, gpu)
