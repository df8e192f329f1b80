"""Workers on a Ray cluster by themselves: what they need from their node, and what they don't."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from scorebench import UserError
from scorebench.engine.parcel import Parcel, pack
from scorebench.engine.ray_connection import Connection
from scorebench.engine.ray_nodes import nodes
from scorebench.engine.ray_workers import RayWorkers
from scorebench.engine.workers import Began, Died, Done, Message, Ready
from tests.conftest import Python

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]
PATIENCE = 300  # seconds


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")  # or other work on this machine starves them
        made = Cluster()
        made.add_node(num_cpus=1, include_dashboard=False)
        connection = Connection(made.address)
        yield connection
        connection.close()
        made.shutdown()


def workers_of(connection: Connection, parcel: Parcel) -> RayWorkers:
    return RayWorkers(
        connection,
        parcel,
        nodes=lambda: nodes(connection.nodes(), 1.0, gpus=False),
        share=1.0,
        most=None,
    )


def hear(workers: RayWorkers, number: int) -> list[Message]:
    heard: list[Message] = []
    give_up = time.monotonic() + PATIENCE
    while len(heard) < number and time.monotonic() < give_up:
        heard += [message for _, message in workers.wait(1)]
    return heard


def test_plugin_files_travel_to_nodes_that_lack_them(
    connection: Connection, planned: Callable[..., Any], mine: Path
) -> None:
    bench, cells = planned({"sampler": "mine"}, plugins=[mine.name])
    parcel = pack(bench, cells)
    for file in mine.parent.glob("*.py"):
        file.unlink()
    workers = workers_of(connection, parcel)
    assert workers.count == 1
    worker = workers.start()
    worker.submit([1])
    ready, *stages = hear(workers, 3)
    while not isinstance(stages[-1], Done):
        stages += hear(workers, 1)
    *began, done = stages
    assert isinstance(ready, Ready)
    assert ready.environment["threads"] == 1
    assert {type(message) for message in began} == {Began}
    assert [result.row["status"] for result in done.results] == ["ok"]
    assert done.results[0].row["fingerprint"] == cells[1].fingerprint
    workers.close()


HEUN = "scorebench_plugins.samplers.heun"


def parcel_of(content: bytes, **installed: str) -> Parcel:
    return Parcel(".", (), {}, (HEUN,) if installed else (), installed, True, content)


def test_a_node_where_something_else_is_installed_is_named(connection: Connection) -> None:
    what = f"the source of {HEUN}"
    workers = workers_of(connection, parcel_of(b"", **{what: "another"}))
    workers.start()
    with pytest.raises(UserError, match=rf"^node [\d.]+ can't run .*: {what} differs; install"):
        hear(workers, 1)
    workers.close()


def test_one_that_joins_later_is_left_out(
    connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    workers = workers_of(connection, parcel_of(b"", **{f"the source of {HEUN}": "another"}))
    workers._proven = True  # others have run cells
    workers.start()
    (died,) = hear(workers, 1)
    assert isinstance(died, Died)
    assert died.blameless
    assert workers.count == 0
    assert f"the source of {HEUN} differs" in capsys.readouterr().err
    workers.close()


def test_a_worker_that_fails_to_start_tells_why(connection: Connection) -> None:
    workers = workers_of(connection, parcel_of(b"no pickle"))
    workers.start()
    (died,) = hear(workers, 1)
    assert "exit code 1" in getattr(died, "reason", "")
    assert "UnpicklingError" in getattr(died, "output", "")
    workers.close()


LOST = """
import contextlib, os, signal, subprocess
from ray.cluster_utils import Cluster
from scorebench import UserError
from scorebench.engine import ray_connection
ray_connection.OUTAGE = 1
cluster = Cluster()
node = cluster.add_node(num_cpus=1, include_dashboard=False)
connection = ray_connection.Connection(cluster.address)
assert len(connection.nodes()) == 1
os.kill(node.all_processes["gcs_server"][0].process.pid, signal.SIGKILL)
try:
    connection.nodes()
except UserError as error:
    print(error, flush=True)  # before the exit that flushes nothing
raylet = node.all_processes["raylet"][0].process
agents = subprocess.run(["pgrep", "-P", str(raylet.pid)], capture_output=True, text=True)
node.kill_all_processes(check_alive=False, allow_graceful=False)
for agent in map(int, agents.stdout.split()):
    with contextlib.suppress(ProcessLookupError):
        os.kill(agent, signal.SIGKILL)
os._exit(0)
"""


def test_a_cluster_that_is_lost_is_told_before_ray_ends_the_driver(
    python: Python, tmp_path: Path
) -> None:
    home = str(tmp_path)  # where Ray would look for a token, and then want one
    done = python("-c", LOST, RAY_USAGE_STATS_ENABLED="0", HOME=home)
    assert "can't be reached any more; finished cells are kept" in done.stdout


def test_a_connection_that_the_program_has_already_is_used_and_left(
    connection: Connection,
) -> None:
    Connection(None).close()
    assert ray.is_initialized()
