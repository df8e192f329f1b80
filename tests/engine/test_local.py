"""The local engine with cells that take their process down, or change it."""

from __future__ import annotations

import os
import signal
import textwrap
import threading
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import scorebench
from scorebench.engine.base import EngineOptions
from scorebench.engine.drive import prepare
from scorebench.engine.local import LocalWorkers
from scorebench.engine.parcel import Parcel, pack
from scorebench.engine.workers import Died, Ready
from scorebench.running.hardware import usable_cores
from scorebench.suite.load import load_suite
from tests.conftest import Python

HOSTILE = """
    import ctypes, os, random, signal, sys, threading, time
    from dataclasses import dataclass
    import numpy as np
    import scorebench, torch

    HELD = []

    def segfault():
        ctypes.string_at(0)

    def leak():
        HELD.append(bytearray(os.urandom(1)) * (200 << 20))

    def shout():
        for _ in range(2000):
            print("x" * 1000)
            os.write(2, b"y" * 1000)

    def threads():
        for _ in range(20):
            threading.Thread(target=lambda: [random.random() for _ in range(10**6)]).start()
        threading.Thread(target=time.sleep, args=(600,)).start()

    def loader():
        data = torch.utils.data.DataLoader(range(8), num_workers=1)
        assert sum(int(x) for x in data) == 28

    def fork():
        if os.fork() == 0:
            time.sleep(600)

    def multiply():
        os.fork()  # and the child goes on as if it were the worker

    def multiply_and_leave():
        if os.fork() == 0:
            sys.exit(0)

    def seed():
        random.seed(0), np.random.seed(0), torch.manual_seed(0)

    def settings():
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.use_deterministic_algorithms(True)
        torch.set_num_threads(1)
        os.environ["PATH"] = "/nowhere"

    def handlers():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGCHLD):
            signal.signal(number, lambda *_: os._exit(9))
        signal.alarm(1)

    DEEDS = {
        "segfault": segfault,
        "abort": os.abort,
        "exit": lambda: sys.exit(3),
        "quit": lambda: os._exit(0),
        "last words": lambda: (print("these"), os._exit(255)),
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "raise": lambda: 1 / 0,
        "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
        "sleep": lambda: time.sleep(600),
        "recurse": lambda: (lambda f: f(f))(lambda f: f(f)),
        "leak": leak,
        "shout": shout,
        "threads": threads,
        "fork": fork,
        "multiply": multiply,
        "multiply_and_leave": multiply_and_leave,
        "loader": loader,
        "seed": seed,
        "settings": settings,
        "handlers": handlers,
        "chdir": lambda: os.chdir("/"),
        "stdout": lambda: os.closerange(1, 3),
        "nothing": lambda: None,
    }

    @dataclass(frozen=True, kw_only=True)
    class Hostile(scorebench.Sampler):
        deed: str

        def trajectory(self, model, sigmas, noise):
            x = self.start(model, sigmas[0], noise)
            DEEDS[self.deed]()
            yield model.denoise(x, sigmas[0])

    @dataclass(frozen=True, kw_only=True)
    class Careless(scorebench.Sampler):
        '''Depends on the state of its process, against the rules.'''
        number: int

        def trajectory(self, model, sigmas, noise):
            x = self.start(model, sigmas[0], noise)
            x = x + random.random() + float(np.random.rand()) + torch.rand(()).item()
            x = x + float(torch.tensor([0.1]).sum()) + len(os.getcwd()) + len(os.environ["PATH"])
            x = x + self.number + (signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
            yield x * torch.is_grad_enabled() + model.denoise(x, sigmas[0])

    @scorebench.hookimpl
    def scorebench_samplers():
        yield scorebench.Component("hostile", Hostile)
        yield scorebench.Component("careless", Careless)
"""


@pytest.fixture
def run(
    tmp_path: Path, small_suite: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pd.DataFrame]:
    """Run deeds among careless cells, by an engine."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hostile.py").write_text(textwrap.dedent(HOSTILE))

    def go(deeds: list[str], engine: str = "local", **changes: Any) -> pd.DataFrame:
        small_suite["sweep"][0] |= {
            "schedule": {"name": "constant", "sigma": 1.0},
            "sampler": [
                {"name": "careless", "number": [1, 2]},
                *({"name": "hostile", "deed": deed} for deed in deeds),
                {"name": "careless", "number": [3, 4]},
            ],
        }
        suite = {**small_suite, "plugins": ["hostile.py"], **changes}
        path = tmp_path / "suite.yaml"
        path.write_text(yaml.safe_dump(suite))
        results = tmp_path.parent / f"{tmp_path.name}-{engine}-{len(deeds)}"
        return scorebench.run(path, results=results, engine=engine, device="cpu")

    return go


def careless(table: pd.DataFrame) -> list[float]:
    return table.loc[table["sampler"] == "careless", "fid"].tolist()


ENDS = {
    "segfault": ("crashed", "killed by SIGSEGV"),
    "abort": ("crashed", "killed by SIGABRT"),
    "exit": ("failed", "SystemExit: 3"),
    "quit": ("crashed", "ended by itself, with exit code 0"),
    "last words": ("crashed", "ended by itself, with exit code 255, or their server died"),
    "kill": ("crashed", "killed by SIGKILL; the machine may have run out of memory"),
    "raise": ("failed", "ZeroDivisionError"),
    "recurse": ("failed", "RecursionError"),
}


def test_what_takes_a_process_down_is_a_row_and_all_others_go_on(
    run: Callable[..., pd.DataFrame],
) -> None:
    alone = run([])
    table = run(list(ENDS), limits={"timeout": "30d"}).set_index("sampler.deed")
    for deed, (status, told) in ENDS.items():
        assert table["status"][deed] == status
        assert told in table["error"][deed]
    assert careless(table.reset_index()) == careless(alone)
    assert (table.loc[table["sampler"] == "careless", "status"] == "ok").all()
    assert table["environment"].nunique() == 1


def test_what_a_segmentation_fault_has_printed_is_kept(
    run: Callable[..., pd.DataFrame], tmp_path: Path
) -> None:
    table = run(["segfault"])
    store = scorebench.store.Store(tmp_path.parent / f"{tmp_path.name}-local-1")  # type: ignore[attr-defined]
    fingerprint = table.loc[table["status"] == "crashed", "fingerprint"].item()
    (record,) = store.finished([fingerprint]).values()
    assert "Segmentation fault" in record["traceback"]
    assert "in segfault" in record["traceback"]


TELL = """
import json, sys
from pathlib import Path
import scorebench

scorebench.run("suite.yaml", results="told", device="cpu")
for path in Path("told/cells").glob("*.json"):
    print(json.loads(path.read_bytes())["traceback"])
"""


def test_what_a_cell_has_printed_before_it_ends_is_kept(
    run: Callable[..., pd.DataFrame], python: Python, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(["last words"])  # writes the suite
    assert "these" in python("-c", TELL, PYTHONUNBUFFERED="").stdout


ASKING = """
import os
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class Asking(scorebench.Sampler):
    def trajectory(self, model, sigmas, noise):
        yield self.start(model, sigmas[0], noise) * float(os.environ["SCALE"])

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("asking", Asking)
"""


def test_workers_have_the_environment_variables_of_now(
    small_suite: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asking.py").write_text(ASKING)
    small_suite["sweep"][0]["sampler"] = "asking"
    path = tmp_path / "suite.yaml"
    path.write_text(yaml.safe_dump({**small_suite, "plugins": ["asking.py"]}))
    found = []
    for scale in ("1", "100"):
        monkeypatch.setenv("SCALE", scale)
        found.append(scorebench.run(path, results=tmp_path / scale, device="cpu")["fid"].max())
    assert found[1] > 100 * found[0]


def test_a_worker_is_started_though_its_server_dies_meanwhile(planned: Callable[..., Any]) -> None:
    workers = LocalWorkers(pack(*planned()), [torch.device("cpu")], 1)
    workers.start().stop()
    server = forkserver._forkserver._forkserver_pid
    os.kill(server, signal.SIGSTOP)  # it is asked for a process, and doesn't answer any more
    threading.Timer(0.5, os.kill, (server, signal.SIGKILL)).start()
    workers.start()
    ((_, message),) = workers.wait(None)
    assert isinstance(message, Ready)
    workers.close()


def test_no_more_workers_are_started_on_a_device_that_is_left_out() -> None:
    parcel = Parcel(".", (), {}, (), {}, True, b"no pickle")
    devices = [torch.device("cpu"), torch.device("meta")]
    workers = LocalWorkers(parcel, devices, 1)
    for _ in range(2):
        first = workers.start()
        assert first.device == devices[0]
        ((_, message),) = workers.wait(None)
        assert isinstance(message, Died)
    workers.leave_out(first)
    assert workers.count == 1
    assert workers.start().device == devices[1]
    workers.close()


@pytest.mark.slow
def test_what_hangs_is_ended_when_its_time_is_over(run: Callable[..., pd.DataFrame]) -> None:
    table = run(["sleep", "stop"], limits={"timeout": 4}).set_index("sampler.deed")
    for deed in ("sleep", "stop"):
        assert table["status"][deed] == "timeout"
        assert table["error"][deed] == "out of time in one go"
    assert (table["status"] == "ok").sum() == 4


CHANGES = [
    "leak",
    "shout",
    "threads",
    "fork",
    "multiply",
    "multiply_and_leave",
    "loader",
    "seed",
    "settings",
    "handlers",
    "chdir",
    "stdout",
]


@pytest.mark.parametrize("deed", CHANGES)
def test_other_cells_keep_their_numbers_whatever_a_plugin_does(
    run: Callable[..., pd.DataFrame], deed: str
) -> None:
    alone, among = run([]), run([deed, "nothing"])
    assert careless(among) == careless(alone)
    assert (among["status"] == "ok").all()


@pytest.mark.parametrize("deed", ["seed", "settings", "handlers", "chdir"])
def test_so_they_do_in_the_drivers_own_process(
    run: Callable[..., pd.DataFrame], deed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "alarm", lambda seconds: None)
    alone, among = run([], "inline"), run([deed, "nothing"], "inline")
    assert careless(among) == careless(alone)


THREADS = """
from dataclasses import dataclass
import scipy.linalg, scorebench, sklearn.cluster, torch
from threadpoolctl import threadpool_info

@dataclass(frozen=True, kw_only=True)
class Counting(scorebench.Sampler):
    def trajectory(self, model, sigmas, noise):
        x = self.start(model, sigmas[0], noise)
        yield x
        most = max(pool["num_threads"] for pool in threadpool_info())
        return {"threads": torch.full((len(x),), max(most, torch.get_num_threads()))}

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("counting", Counting)
"""


def test_workers_take_their_share_of_threads_and_no_more(
    tmp_path: Path, small_suite: dict[str, Any]
) -> None:
    (tmp_path / "counting.py").write_text(THREADS)
    small_suite |= {"plugins": ["counting.py"]}
    small_suite["sweep"][0] |= {"sampler": "counting"}
    path = tmp_path / "suite.yaml"
    path.write_text(yaml.safe_dump(small_suite))
    cores = usable_cores()
    for workers in (1, cores):
        options = EngineOptions(workers=workers)
        drive = prepare(load_suite(path), results=tmp_path / str(workers), engine=options)
        threads = {record["row"]["threads"] for _, record in drive.run()}
        assert threads == {cores // workers}


STILLBORN = """
import multiprocessing, os

if multiprocessing.parent_process() is not None:
    print("no room here", flush=True)
    os._exit(7)
"""


def test_workers_that_end_while_they_start_end_the_run_and_say_what_they_printed(
    small_suite: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "stillborn.py").write_text(STILLBORN)
    path = tmp_path / "suite.yaml"
    path.write_text(yaml.safe_dump({**small_suite, "plugins": ["stillborn.py"]}))
    with pytest.raises(scorebench.UserError) as caught:
        scorebench.run(path, results=tmp_path / "results", device="cpu")
    assert str(caught.value) == (
        "workers can't start: the process ended by itself, with exit code 7\nno room here"
    )
    assert len(scorebench.read_results(tmp_path / "results")) == 0
    assert not (tmp_path / "results" / "lock").exists()


def test_one_that_ends_so_that_nobody_knows_why_is_not_started_for_ever(
    small_suite: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "stillborn.py").write_text(STILLBORN.replace("7", "255"))
    path = tmp_path / "suite.yaml"
    path.write_text(yaml.safe_dump({**small_suite, "plugins": ["stillborn.py"]}))
    with pytest.raises(scorebench.UserError, match=r"workers can't start: .* exit code 255"):
        scorebench.run(path, results=tmp_path / "results", device="cpu")


def test_objects_that_parameters_name_by_file_go_to_workers(
    small_suite: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "bowl.py").write_text(
        "def energy(x, sigma):\n    return 0.5 * x.square().sum(-1) / (1 + sigma**2)\n"
    )
    energy = {"name": "energy", "energy": f"{tmp_path}/bowl.py:energy", "event_shape": [2]}
    plane = {"name": "gaussian", "mean": [0.0, 0.0]}
    small_suite |= {"reference": "dataset", "dataset": {"name": "draws", "model": plane}}
    small_suite["sweep"][0] |= {"model": energy}
    path = tmp_path / "suite.yaml"
    path.write_text(yaml.safe_dump(small_suite))
    table = scorebench.run(path, results=tmp_path / "results", device="cpu")
    assert table["error"].isna().all()


def test_cells_tried_again_count_their_last_try(run: Callable[..., pd.DataFrame]) -> None:
    table = run(["raise", "kill"], limits={"retries": 2}).set_index("sampler.deed")
    assert table["status"]["raise"] == "failed"
    assert table["status"]["kill"] == "crashed"
    assert len(table) == 6


def test_engines_give_identical_rows(
    small_suite: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_suite["sweep"][0]["sampler"] = [
        {"name": "euler", "denoise": [True, False]},
        "heun",
        {"name": "annealed_langevin", "step_size": 1e-3, "steps_per_level": [1, 5]},
    ]
    small_suite |= {"repeats": 2}
    path = tmp_path / "suite.yaml"
    path.write_text(yaml.safe_dump(small_suite))
    tables = [
        scorebench.run(path, results=tmp_path / engine, engine=engine, device="cpu")
        for engine in ("inline", "local")
    ]
    clocked = [c for c in tables[0] if c.startswith(("seconds", "samples_per"))]
    clocked += ["peak_memory_mb", "finished", "environment"]
    inline, local = (table.drop(columns=clocked) for table in tables)
    assert (inline["status"] == "ok").all()
    pd.testing.assert_frame_equal(inline, local, rtol=1e-6)
    assert np.isfinite(inline["fid"]).all()


SCRIPT = """
import scorebench
table = scorebench.run("suite.yaml", device="cpu")
print(table["status"].tolist())
"""


def test_a_script_without_a_main_guard_can_run_a_suite(
    small_suite: dict[str, Any], tmp_path: Path, python: Python
) -> None:
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(small_suite))
    (tmp_path / "script.py").write_text(SCRIPT)
    done = python("script.py")
    assert done.stdout.splitlines() == ["['ok', 'ok', 'ok', 'ok']"]
    assert done.stderr == ""
