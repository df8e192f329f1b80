"""Runs on a real Ray cluster of three nodes, whose workers and nodes are killed meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import ray
import torch
import yaml
from ray.cluster_utils import Cluster

from scorebench.engine.base import EngineOptions
from scorebench.engine.drive import prepare
from scorebench.engine.ray_cluster import RayEngine
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]
PATIENCE = 300  # seconds

PROBE = """
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
import scorebench
from probe_helper import SHRINK

@dataclass(frozen=True, kw_only=True)
class Probe(scorebench.Sampler):
    what: str
    marks: str

    def trajectory(self, model, sigmas, noise):
        raylet = os.environ.get("RAY_RAYLET_PID")
        match self.what:
            case "exit":
                os._exit(3)
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hang":
                time.sleep(1000)
            case "where":
                raise RuntimeError(f"GPU {os.environ.get('CUDA_VISIBLE_DEVICES')} of {raylet}")
            case "wait":
                Path(self.marks, f"{os.getpid()}-{raylet}").touch()
                while not Path(self.marks, "go").exists():
                    time.sleep(0.05)
        yield SHRINK * model.denoise(self.start(model, sigmas[0], noise), sigmas[0])

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("probe", Probe)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head without processors, on which the driver is, and two nodes of one each."""
    folder = tempfile.mkdtemp(prefix="sb-", dir="/tmp")  # sockets need short paths
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")  # or other work on this machine starves them
        made = Cluster()
        made.add_node(num_cpus=0, include_dashboard=False, temp_dir=folder)
        for _ in range(2):
            made.add_node(num_cpus=1)
        yield made
        made.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


class Runs:
    """A folder with a suite and a plugin made of two files."""

    def __init__(self, folder: Path, suite: dict[str, Any], address: str) -> None:
        self.folder, self.data, self.address = folder, suite, address
        self.marks = folder / "marks"
        self.marks.mkdir()
        suite["plugins"] = ["probe.py"]
        suite["sweep"][0]["schedule"]["n"] = 3
        (folder / "probe.py").write_text(PROBE)
        (folder / "probe_helper.py").write_text("SHRINK = 1.0\n")

    def sample(self, *samplers: str) -> None:
        """Have the suite run these, which are shipped or ``what`` of the probe."""
        shipped = ("euler", "heun")
        probe = {"name": "probe", "marks": str(self.marks)}
        self.data["sweep"][0]["sampler"] = [
            name if name in shipped else {**probe, "what": name} for name in samplers
        ]

    def write(self) -> Path:
        path = self.folder / "suite.yaml"
        path.write_text(yaml.safe_dump(self.data))
        return path

    def run(self, engine: str = "ray", **options: Any) -> list[dict[str, Any]]:
        """The rows, in the order of the plan."""
        address = self.address if engine == "ray" else None
        drive = prepare(
            load_suite(self.write()),
            results=self.folder / engine,
            engine=EngineOptions(name=engine, address=address, **options),
        )
        for _ in drive.run():
            pass
        return [drive.finished[cell.fingerprint]["row"] for cell in drive.plan.cells]

    def began(self, number: int) -> list[tuple[int, int]]:
        """Wait until so many cells have begun to wait: their processes, their nodes' raylets."""
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            marks = sorted(self.marks.glob("*-*"), key=lambda mark: mark.stat().st_mtime_ns)
            if len(marks) >= number:
                return [(int(p), int(r)) for p, r in (mark.name.split("-") for mark in marks)]
            time.sleep(0.05)
        raise AssertionError("cells don't begin")

    @contextmanager
    def meanwhile(self, act: Callable[[], object]) -> Iterator[None]:
        """Do something while cells run; after it, and whatever becomes of it, let them end."""

        def body() -> None:
            try:
                act()
            finally:
                (self.marks / "go").touch()

        with ThreadPoolExecutor(1) as executor:
            doing = executor.submit(body)
            yield
            doing.result()


@pytest.fixture
def runs(cluster: Cluster, tmp_path: Path, small_suite: dict[str, Any]) -> Iterator[Runs]:
    path = list(sys.path)
    yield Runs(tmp_path, small_suite, cluster.address)
    sys.path[:] = path
    sys.modules.pop("probe_helper", None)
    assert not ray.is_initialized(), "the driver has left the cluster"


def test_rows_are_those_of_the_inline_engine(runs: Runs) -> None:
    runs.sample("euler", "heun", "quick")
    (runs.marks / "go").touch()
    runs.data["repeats"] = 2
    ours, inline = runs.run(), runs.run("inline")
    assert [row["status"] for row in ours] == ["ok"] * 6
    assert [row["fid"] for row in ours] == [row["fid"] for row in inline]


def test_what_a_cell_does_to_its_process_is_its_row(runs: Runs) -> None:
    runs.sample("exit", "segfault", "hang", "euler")
    runs.data["limits"] = {"timeout": 5}
    rows = runs.run()
    assert [row["status"] for row in rows] == ["crashed", "crashed", "timeout", "ok"]
    assert "exit code 3" in rows[0]["error"]
    assert "SIGSEGV" in rows[1]["error"]


def actor_of(process: int) -> int:
    """A cell's process is forked by a server that its actor has started."""
    server = parent_of(process)
    return parent_of(server)


def parent_of(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("PPid")).split()[1])


@pytest.mark.parametrize("who", ["worker", "actor"])
def test_a_cell_whose_worker_is_killed_is_run_on_another_node(runs: Runs, who: str) -> None:
    runs.sample("wait", "euler", "heun")
    runs.data["limits"] = {"retries": 1 if who == "worker" else 0}

    def kill() -> None:
        ((process, raylet),) = runs.began(1)
        os.kill(process if who == "worker" else actor_of(process), signal.SIGKILL)
        assert runs.began(2)[1][1] != raylet

    with runs.meanwhile(kill):
        rows = runs.run()
    assert [row["status"] for row in rows] == ["ok"] * 3


def test_the_cells_of_a_killed_node_are_run_on_another(runs: Runs, cluster: Cluster) -> None:
    runs.sample("wait")
    runs.data["repeats"] = 6
    node = cluster.add_node(num_cpus=1)
    lost = raylet_of(node)

    def kill() -> None:
        assert lost in [raylet for _, raylet in runs.began(3)]
        cluster.remove_node(node, allow_graceful=False)

    with runs.meanwhile(kill):
        rows = runs.run()
    assert [row["status"] for row in rows] == ["ok"] * 6


def raylet_of(node: Any) -> int:
    (raylet,) = node.all_processes["raylet"]
    return int(raylet.process.pid)


def test_a_worker_has_the_share_of_a_gpu_that_the_suite_asks_for(
    runs: Runs, cluster: Cluster
) -> None:
    node = cluster.add_node(num_cpus=1, num_gpus=1)
    raylet = raylet_of(node)
    try:
        runs.sample("wait", "where")
        runs.data |= {"repeats": 2, "limits": {"gpus": 0.5}}
        with runs.meanwhile(lambda: runs.began(2)):
            rows = runs.run()
        assert [row["status"] for row in rows] == ["ok", "failed"] * 2
        assert {row["error"] for row in rows[1::2]} == {f"RuntimeError: GPU 0 of {raylet}"}
        assert {r for _, r in runs.began(2)} == {raylet}
    finally:
        cluster.remove_node(node)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_run_and_its_workers_but_not_the_cluster(
    number: signal.Signals, runs: Runs, environment: dict[str, str]
) -> None:
    runs.sample("euler", "wait")
    runs.write()
    command = [sys.executable, "-m", "scorebench", "run", "suite.yaml", "--results", "ray"]
    process = subprocess.Popen(
        [*command, "--engine", "ray", "--ray-address", runs.address],
        cwd=runs.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    ((worker, _),) = runs.began(1)
    give_up = time.monotonic() + PATIENCE
    cells = runs.folder / "ray" / "cells"
    while time.monotonic() < give_up and not list(cells.glob("*.json")):
        time.sleep(0.05)
    process.send_signal(number)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert errors.strip() == "interrupted; the same command goes on from here"
    assert "1 of 2 cells" in output
    while time.monotonic() < give_up and Path(f"/proc/{worker}").exists():
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
    (runs.marks / "go").touch()
    assert [row["status"] for row in runs.run()] == ["ok", "ok"]


def test_no_more_workers_than_asked_for(runs: Runs) -> None:
    bench = Workbench(load_suite(runs.write()), torch.device("cpu"))
    assert RayEngine(workers=1, address=runs.address).workers(bench) == 1
    ray.shutdown()
