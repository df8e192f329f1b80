"""What docs/running-at-scale.md shows: its commands run, its batch script makes a cluster."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Python
from tests.test_docs import ROOT, blocks, scorebench_lines

PAGE = ROOT / "docs" / "running-at-scale.md"
SUITE = "suites/cifar_sweep.yaml"


@pytest.fixture
def folder(tmp_path: Path, small_suite: dict[str, Any]) -> Path:
    """A folder with a small suite under the name of that in the docs."""
    small_suite |= {"name": "cifar_sweep", "repeats": 3}
    (tmp_path / "suites").mkdir()
    (tmp_path / SUITE).write_text(yaml.safe_dump(small_suite))
    return tmp_path


@pytest.mark.slow
def test_the_commands_for_one_machine_run(folder: Path, python: Python) -> None:
    sweep, doctor, status, rerun, with_ray = scorebench_lines(PAGE)[:5]
    assert "12 of 12 cells" in python(*sweep).stdout
    assert "devices" in python(*doctor).stdout
    assert "12 of 12 cells have ended (12 ok)" in python(*status).stdout
    assert "identical, to the last bit" in python(*rerun).stdout
    assert with_ray[-2:] == ["--ray-address", "10.0.0.1:6379"]


def test_options_that_are_told_are_those_there_are(python: Python) -> None:
    told = python("-m", "scorebench", "run", "--help").stdout
    for option in re.findall(r"`(--[\w-]+)", PAGE.read_text()):
        if option not in ("--num-cpus", "--trust"):  # of Ray, of rerun
            assert option in told


SRUN = """#!/bin/bash
# Runs a command here, whatever node is asked for.
while [[ $1 == -* ]]; do [[ $1 == -w ]] && shift; shift; done
exec "$@"
"""
SCONTROL = "#!/bin/bash\necho first\necho second\n"


def end_all(mark: str) -> None:
    """End all processes that have a mark in their environment, and wait until they are gone."""
    give_up = time.monotonic() + 300
    while time.monotonic() < give_up:
        left = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark.encode() in path.read_bytes().split(b"\0"):
                    left.append(int(path.parent.name))
        if not left:
            return
        for process in left:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.2)
    raise AssertionError(f"{left} don't end")


@pytest.mark.slow
def test_the_batch_script_makes_a_cluster_and_runs_on_it(
    folder: Path, environment: dict[str, str]
) -> None:
    """The script as it is, on one machine that stands for two, with shorter waits."""
    (script,) = blocks(PAGE, "bash")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    script = script.replace("6379", port).replace("sleep 30", "sleep 12")
    tools = folder / "bin"
    tools.mkdir()
    for name, text in {"srun": SRUN, "scontrol": SCONTROL, "job.sh": script}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(stat.S_IRWXU)
    variables = {
        **environment,
        "HOME": str(folder),  # where Ray keeps its token
        "PATH": f"{tools}:{Path(sys.executable).parent}:{environment['PATH']}",
        "SLURM_JOB_NODELIST": "first,second",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_PER_TASK": "1",
        "SLURM_GPUS_ON_NODE": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # or other work on this machine starves them
    }
    log = folder / "log"
    with log.open("wb") as output:
        job = subprocess.Popen(
            ["bash", str(tools / "job.sh")],
            cwd=folder,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = job.wait(timeout=300)
        finally:
            end_all(f"HOME={folder}")
    told = log.read_text(errors="replace")
    assert code == 0, told
    assert "12 of 12 cells" in told
    devices = [path.read_text() for path in (folder / "results/cifar_sweep/cells").glob("*.json")]
    assert len(devices) == 12


def test_the_clusters_manifest_is_sound() -> None:
    (text,) = blocks(PAGE, "yaml")
    cluster = yaml.safe_load(text)
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    images = [c["image"] for g in groups for c in g["template"]["spec"]["containers"]]
    assert len(images) == 2
    assert len(set(images)) == 1
    for group in groups:
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            assert {"name": "SCOREBENCH_CACHE", "value": "/shared/cache"} in container["env"]
