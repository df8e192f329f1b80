"""Workers on the nodes of a Ray cluster: an actor for each, wherever there is room."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scorebench.engine.parcel import Parcel
from scorebench.engine.ray_alike import difference, installed
from scorebench.engine.ray_connection import Connection
from scorebench.engine.ray_host import Host
from scorebench.engine.ray_nodes import Node
from scorebench.engine.workers import Died, Message
from scorebench.errors import UserError

PULSE = 2.0  # seconds after which the nodes are looked at again
ALONE = 300.0  # seconds in which a cluster without any node for workers may get one


class RayWorker:
    """An actor on a node, and what it has been asked and hasn't answered yet."""

    def __init__(self, node: Node, share: float, parcel: Any, modules: Sequence[str]) -> None:
        self.node, self.place = node, node.id
        self.device = "cuda" if node.gpu else "cpu"
        self.ready = self.stopped = False
        host: Any = ray.remote(Host)
        self._actor = host.options(
            num_cpus=0 if node.gpu else 1,
            num_gpus=share if node.gpu else 0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
            max_restarts=0,
            max_task_retries=0,
        ).remote()
        self.answers = deque(
            [
                self._actor.compare.remote(modules),
                self._actor.begin.remote(parcel, node.threads, gpu=node.gpu),
                self._actor.hear.remote(),
            ]
        )

    def submit(self, cells: Sequence[int]) -> None:
        self._actor.submit.remote(cells)
        self.answers += [self._actor.hear.remote(), self._actor.hear.remote()]

    def stop(self) -> None:
        self.stopped = True
        ray.kill(self._actor)


class RayWorkers:
    """Workers on the nodes of a cluster, which may come and go.

    Args:
        connection: to the cluster.
        parcel: the run.
        nodes: gives the nodes that can take workers now.
        modules: those that must be the same on all machines.
        share: of a GPU, for each worker, where there are GPUs.
        most: workers; as many as there is room for, if None.
    """

    def __init__(
        self,
        connection: Connection,
        parcel: Parcel,
        *,
        nodes: Callable[[], list[Node]],
        modules: Sequence[str],
        share: float,
        most: int | None,
    ) -> None:
        self._connection, self._list_nodes, self._most = connection, nodes, most
        self._share, self._modules, self._ours = share, modules, installed(modules)
        self._parcel = ray.put(parcel)
        self._running: list[RayWorker] = []
        self._nodes: list[Node] = []
        self._looked = self._had_nodes = time.monotonic()
        self._lately = ""  # where a worker has died
        self._look()

    @property
    def count(self) -> int:
        """How many the nodes have room for."""
        room = sum(node.workers for node in self._nodes)
        return room if self._most is None else min(room, self._most)

    def start(self) -> RayWorker:
        """Start a worker on the emptiest node, but rather not where one has just died."""
        used = Counter(worker.place for worker in self._running if not worker.stopped)
        free = [node for node in self._nodes if used[node.id] < node.workers]
        node = max(free, key=lambda n: (n.id != self._lately, n.workers - used[n.id]))
        worker = RayWorker(node, self._share, self._parcel, self._modules)
        self._running.append(worker)
        return worker

    def wait(self, seconds: float | None) -> Iterator[tuple[RayWorker, Message]]:
        """Messages; after a few seconds there may be none, for the cluster is looked at again."""
        if time.monotonic() > self._looked + PULSE:
            self._look()
        self._running = [worker for worker in self._running if not worker.stopped]
        asked = {worker.answers[0]: worker for worker in self._running if worker.answers}
        patience = PULSE if seconds is None else min(seconds, PULSE)
        if not asked:
            time.sleep(min(patience, 1.0))
            return
        first, others = ray.wait(list(asked), timeout=patience)
        more, _ = ray.wait(others, num_returns=len(others), timeout=0) if others else ([], [])
        for answer in [*first, *more]:
            worker = asked[answer]
            message = self._receive(worker)
            if message is not None:
                yield worker, message

    def close(self) -> None:
        for worker in self._running:
            if not worker.stopped:
                worker.stop()
        self._running.clear()

    def _look(self) -> None:
        """See which nodes there are.

        Raises:
            UserError: the cluster is lost, or has had no nodes for some time.
        """
        self._nodes, self._looked = self._list_nodes(), time.monotonic()
        if self._nodes:
            self._had_nodes = self._looked
        elif self._looked > self._had_nodes + ALONE:
            raise UserError(
                f"the Ray cluster at {self._connection.address} has had no node for workers for "
                f"{ALONE:.0f} s; finished cells are kept, and the same command goes on from them"
            )

    def _receive(self, worker: RayWorker) -> Message | None:
        """What a worker says, None if that concerns nobody else."""
        try:
            told = ray.get(worker.answers.popleft())
        except RayTaskError as error:
            raise _unfit(worker.node, error.cause) from error
        except RayError as error:
            return self._lost(worker, error)
        match told:
            case dict():
                self._compare(worker.node, told)
                return None
            case str():
                worker.device = told
                return None
            case Died():
                worker.stop()
                self._lately = worker.place
        worker.ready = True
        return told  # type: ignore[no-any-return]

    def _compare(self, node: Node, theirs: Mapping[str, str]) -> None:
        found = difference(self._ours, theirs)
        if found is not None:
            raise UserError(
                f"node {node.address} can't run cells of this run: {found}; install the same on "
                "all nodes"
            )

    def _lost(self, worker: RayWorker, error: RayError) -> Died:
        """The actor is dead or out of reach. Cells don't run in it, and can't be blamed."""
        worker.stop()
        self._lately = worker.place
        self._look()
        gone = worker.place not in {node.id for node in self._nodes}
        if gone:
            return Died(f"its node {worker.node.address} was lost", blameless=True)
        told = str(error).strip().splitlines()[-1]
        # One that is never ready would be started for ever.
        blameless = worker.ready or isinstance(error, ActorUnavailableError)
        return Died(f"its Ray actor on {worker.node.address} died: {told}", blameless=blameless)


def _unfit(node: Node, cause: BaseException) -> UserError:
    """A worker can't be started, for want of something that its node should have."""
    told = " ".join(str(cause).split())
    return UserError(f"node {node.address} can't start workers: {type(cause).__name__}: {told}")
