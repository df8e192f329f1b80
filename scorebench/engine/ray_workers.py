"""Workers on the nodes of a Ray cluster: an actor for each, wherever there is room."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scorebench.engine.parcel import Parcel
from scorebench.engine.ray_connection import Connection
from scorebench.engine.ray_host import Host
from scorebench.engine.ray_nodes import Node
from scorebench.engine.workers import Died, Done, Message, Ready, Unfit
from scorebench.errors import UserError

PULSE = 2.0  # seconds after which the nodes are looked at again
ALONE = 300.0  # seconds in which a cluster without any node for workers may get one


class RayWorker:
    """An actor on a node, and what it has been asked and hasn't answered yet."""

    def __init__(self, node: Node, share: float, parcel: Any) -> None:
        self.node, self.place = node, node.id
        self.ready = self.stopped = False
        host: Any = ray.remote(Host)
        self._actor = host.options(
            num_cpus=0 if node.gpu else 1,
            num_gpus=share if node.gpu else 0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
            max_restarts=0,
            max_task_retries=0,
        ).remote()
        self.answers = deque([self._actor.begin.remote(parcel, node.threads, gpu=node.gpu)])
        self._left = 0  # tasks that aren't done
        self._listen()

    def submit(self, cells: Sequence[int]) -> None:
        self._actor.submit.remote(cells)
        self._left += 1
        self._listen()

    def _listen(self) -> None:
        """Ask what there is to hear: never where nothing may come, for others wait behind."""
        self.answers.append(self._actor.hear.remote())

    def answer(self) -> list[Message]:
        """What has been said in answer to the oldest question."""
        heard: list[Message] = ray.get(self.answers.popleft()) or []
        self._left -= sum(isinstance(message, Done) for message in heard)
        self.ready = self.ready or any(isinstance(message, Ready) for message in heard)
        if self._left and not self.answers:
            self._listen()
        return heard

    def stop(self) -> None:
        self.stopped = True
        ray.kill(self._actor)


class RayWorkers:
    """Workers on the nodes of a cluster, which may come and go.

    Args:
        connection: to the cluster.
        parcel: the run.
        nodes: gives the nodes that can take workers now.
        share: of a GPU, for each worker, where there are GPUs.
        most: workers; as many as there is room for, if None.
    """

    def __init__(
        self,
        connection: Connection,
        parcel: Parcel,
        *,
        nodes: Callable[[], list[Node]],
        share: float,
        most: int | None,
    ) -> None:
        self._connection, self._list_nodes = connection, nodes
        self._share, self._most = share, most
        self._parcel = ray.put(parcel)
        self._started: list[RayWorker] = []
        self._nodes: list[Node] = []
        self._alive: set[str] = set()
        self._left_out: set[str] = set()
        self._proven = False  # whether a cell has been run
        self._looked = self._had_nodes = time.monotonic()
        self._lately = ""  # where a worker has died
        self._look()

    @property
    def _running(self) -> list[RayWorker]:
        return [worker for worker in self._started if not worker.stopped]

    @property
    def count(self) -> int:
        """How many the nodes have room for."""
        room = sum(node.workers for node in self._nodes)
        return room if self._most is None else min(room, self._most)

    def start(self) -> RayWorker:
        """Start a worker on the emptiest node, but rather not where one has just died."""
        self._started = self._running
        used = Counter(worker.place for worker in self._started)
        free = [node for node in self._nodes if used[node.id] < node.workers]
        node = max(free, key=lambda n: (n.id != self._lately, n.workers - used[n.id]))
        self._started.append(RayWorker(node, self._share, self._parcel))
        return self._started[-1]

    def wait(self, seconds: float | None) -> Iterator[tuple[RayWorker, Message]]:
        """Messages; after a few seconds there may be none, for the cluster is looked at again."""
        if time.monotonic() > self._looked + PULSE:
            self._look()
        asked = {worker.answers[0]: worker for worker in self._running if worker.answers}
        patience = PULSE if seconds is None else min(seconds, PULSE)
        if not asked:
            time.sleep(min(patience, 1.0))
            return
        first, others = ray.wait(list(asked), timeout=patience)
        more, _ = ray.wait(others, num_returns=len(others), timeout=0) if others else ([], [])
        for answer in [*first, *more]:
            worker = asked[answer]
            for message in self._receive(worker):
                yield worker, message

    def close(self) -> None:
        for worker in self._running:
            worker.stop()

    def _look(self) -> None:
        """See which nodes there are.

        Raises:
            UserError: the cluster is lost, or has had no nodes for some time.
        """
        found, self._looked = self._list_nodes(), time.monotonic()
        self._alive = {node.id for node in found}
        self._nodes = [node for node in found if node.id not in self._left_out]
        if self._nodes:
            self._had_nodes = self._looked
        elif self._looked > self._had_nodes + ALONE:
            raise UserError(
                f"the Ray cluster at {self._connection.address} has had no node for workers for "
                f"{ALONE:.0f} s; finished cells are kept, and the same command goes on from them"
            )

    def _receive(self, worker: RayWorker) -> Iterator[Message]:
        """What a worker says."""
        try:
            heard = worker.answer()
        except RayTaskError as error:
            told = f"start workers: {type(error.cause).__name__}: {error.cause}"
            heard = [self._refuse(worker, told)]
        except RayError as error:
            heard = [self._lost(worker, error)]
        for message in heard:
            match message:
                case Unfit():
                    told = f"run cells of this run: {message.reason}; install the same on all nodes"
                    yield self._refuse(worker, told)
                    return
                case Died():
                    worker.stop()
                    self._lately = worker.place
                case Done():
                    self._proven = True
            yield message

    def leave_out(self, worker: RayWorker) -> None:
        self._left_out.add(worker.place)
        self._look()

    def _refuse(self, worker: RayWorker, told: str) -> Died:
        """Do without a node that can't do what others have done.

        Raises:
            UserError: none has done anything yet, and who set them up may still be there.
        """
        worker.stop()
        told = f"node {worker.node.address} can't {' '.join(told.split())}"
        if not self._proven:
            raise UserError(told)
        if worker.place not in self._left_out:
            print(f"warning: {told}; it is left out", file=sys.stderr)
            self.leave_out(worker)
        return Died(told, blameless=True)

    def _lost(self, worker: RayWorker, error: RayError) -> Died:
        """The actor is dead or out of reach. Cells don't run in it, and can't be blamed."""
        worker.stop()
        self._lately = worker.place
        self._look()
        if worker.place not in self._alive:
            return Died(f"its node {worker.node.address} was lost", blameless=True)
        told = str(error).strip().splitlines()[-1]
        # One that is never ready would be started for ever.
        blameless = worker.ready or isinstance(error, ActorUnavailableError)
        return Died(f"its Ray actor on {worker.node.address} died: {told}", blameless=blameless)
