"""The engine that runs cells on a Ray cluster: one worker for each GPU, or share of one, or core.

The driver alone plans, decides what is tried again, and writes results; suite, cells and plugin
files travel to the workers, while models, data and caches are found where the nodes have them.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from scorebench.engine.parcel import pack
from scorebench.engine.pool import Pool
from scorebench.engine.ray_nodes import Node, nodes
from scorebench.errors import UserError
from scorebench.running.cell import Cell, Result
from scorebench.running.workbench import Workbench

if TYPE_CHECKING:
    from scorebench.engine.ray_connection import Connection


class RayEngine:
    """Workers on a Ray cluster.

    Args:
        workers: how many at most; as many as there is room for unless given.
        gpus: whether workers may use the cluster's GPUs.
        address: of the cluster, e.g. ``auto``, ``10.0.0.1:6379``; unless given, that in
            RAY_ADDRESS, or a cluster that runs here, or else a new one on this machine.

    Raises:
        UserError: Ray isn't installed.
    """

    def __init__(
        self, *, workers: int | None = None, address: str | None = None, gpus: bool = True
    ) -> None:
        try:
            import ray  # noqa: F401
        except ModuleNotFoundError:
            raise UserError("--engine ray needs Ray: pip install 'scorebench[ray]'") from None
        self._most, self._address, self._gpus = workers, address, gpus
        self._connection: Connection | None = None
        self._first: list[Node] = []  # as they were when first looked at

    def workers(self, bench: Workbench) -> int:
        """As many as the cluster has room for; this connects to it.

        Raises:
            UserError: it can't be reached or used, or has no room.
        """
        room = sum(node.workers for node in self._look(bench))
        if not room:
            raise UserError(
                f"no node of the Ray cluster at {self._connect().address} has a CPU or GPU for "
                "workers"
            )
        return min(room, self._most or room)

    def device_type(self, bench: Workbench) -> str:
        """``cuda`` where nodes have GPUs; this connects, too."""
        return "cuda" if any(node.gpu for node in self._look(bench)) else "cpu"

    def run(
        self, bench: Workbench, cells: Sequence[Cell]
    ) -> Generator[tuple[Cell, Result], None, None]:
        """Run all cells, long ones first."""
        if not cells:
            return
        from scorebench.engine.ray_workers import RayWorkers

        bench.unload()  # workers load their own
        share = bench.suite.limits.gpus
        workers = RayWorkers(
            self._connect(),
            pack(bench, cells),
            nodes=functools.partial(self._nodes, share),
            share=share,
            most=self._most,
        )
        yield from Pool(bench, cells, workers).run()

    def close(self) -> None:
        """Leave the cluster; one that was started for this ends."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _look(self, bench: Workbench) -> list[Node]:
        self._first = self._first or self._nodes(bench.suite.limits.gpus)
        return self._first

    def _connect(self) -> Connection:
        from scorebench.engine.ray_connection import Connection

        self._connection = self._connection or Connection(self._address)
        return self._connection

    def _nodes(self, share: float) -> list[Node]:
        """The nodes for workers, at this share of a GPU."""
        return nodes(self._connect().nodes(), share, gpus=self._gpus)
