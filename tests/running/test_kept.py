"""Samples kept for cells that differ only in what is measured of them."""

from __future__ import annotations

import json
import os
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.numpy import save

from scorebench.engine.base import EngineOptions
from scorebench.engine.drive import Drive, prepare
from scorebench.errors import UserError
from scorebench.running import environment, kept
from scorebench.running.evidence import Gathering
from scorebench.running.kept import Kept, KeptSamples
from scorebench.running.measuring import run_cells
from scorebench.suite.load import load_suite

COUNTED = """
    from dataclasses import dataclass
    from pathlib import Path
    import scorebench, torch

    @dataclass(frozen=True, kw_only=True)
    class Counted(scorebench.Sampler):
        scale: float = 1.0

        def trajectory(self, model, sigmas, noise):
            with Path(__file__).with_suffix(".log").open("a") as log:
                log.write("walked ")
            x = self.scale * model.denoise(self.start(model, sigmas[0], noise), sigmas[0])
            yield x
            return {"size": x.flatten(1).norm(dim=1)}

        def nfe(self, levels):
            return 1

    @scorebench.hookimpl
    def scorebench_samplers():
        yield scorebench.Component("counted", Counted)
"""


class Desk:
    """A suite that can be changed and run, and how often its sampler has walked."""

    def __init__(self, folder: Path, suite: dict[str, Any]) -> None:
        self.folder, self.suite = folder, suite
        (folder / "counted.py").write_text(textwrap.dedent(COUNTED))
        suite["plugins"] = ["counted.py"]
        suite["sweep"][0]["schedule"]["n"] = 3
        suite["sweep"][0]["sampler"] = {"name": "counted", "scale": [1.0, 2.0]}

    def drive(self, results: str = "results") -> Drive:
        (self.folder / "suite.yaml").write_text(yaml.safe_dump(self.suite))
        suite = load_suite(self.folder / "suite.yaml")
        inline = EngineOptions(name="inline")
        return prepare(suite, results=self.folder / results, device="cpu", engine=inline)

    def run(self, results: str = "results") -> pd.DataFrame:
        drive = self.drive(results)
        list(drive.run())
        assert drive.table is not None
        assert (drive.table["status"] == "ok").all()
        return drive.table

    @property
    def walks(self) -> int:
        log = self.folder / "counted.log"
        return log.read_text().count("walked") if log.exists() else 0


@pytest.fixture
def desk(tmp_path: Path, small_suite: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("SCOREBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept, "SECONDS", 0.0)
    return Desk(tmp_path, small_suite)


@pytest.mark.parametrize("images", [False, True])
def test_a_new_metric_takes_no_new_samples(
    desk: Desk, images: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if images:
        desk.suite |= {"dataset": "digits", "reference": "dataset", "samples": 100}
        desk.suite["sweep"][0]["model"] = {"name": "factor_mixture", "components": 2, "rank": 2}
    first, walks = desk.run(), desk.walks
    desk.suite["metrics"] = ["precision_recall", "fid"]
    again = desk.run()
    assert desk.walks == walks
    assert again["precision"].notna().all()
    for column in ("fid", "nfe", "size", "seconds_sampling"):
        assert again[column].tolist() == first[column].tolist()
    assert len(list((desk.folder / "results" / "images").glob("*"))) == (4 if images else 0)
    monkeypatch.setenv("SCOREBENCH_CACHE", str(desk.folder / "other"))
    alone = desk.run("alone")
    assert desk.walks == 2 * walks
    clocked = ["seconds_metrics", "seconds_features", "seconds", "finished", "samples_per_second"]
    clocked += ["seconds_sampling", "peak_memory_mb"]
    pd.testing.assert_frame_equal(again.drop(columns=clocked), alone.drop(columns=clocked))


def test_the_plan_counts_only_evaluations_that_are_to_be_spent(desk: Desk) -> None:
    assert desk.drive().evaluations == 2
    desk.run()
    desk.suite["metrics"] = ["precision_recall"]
    desk.suite["sweep"][0]["sampler"]["scale"] = [1.0, 2.0, 3.0]
    assert desk.drive().evaluations == 1


@pytest.mark.parametrize(
    ("where", "value"),
    [("seed", 5), ("samples", 41), ("precision", {"state": "float64"}), ("scale", [3.0, 4.0])],
)
def test_what_decides_samples_takes_new_ones(desk: Desk, where: str, value: Any) -> None:
    desk.run()
    walks = desk.walks
    place = desk.suite["sweep"][0]["sampler"] if where == "scale" else desk.suite
    place[where] = value
    desk.run()
    assert desk.walks == 2 * walks


def test_an_edited_sampler_takes_new_samples(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from scorebench.running.context import Context

    desk.run()
    walks = desk.walks
    monkeypatch.setattr(Context, "_source", lambda self, module: f"edited {module}")
    monkeypatch.setattr(Context, "check_sources", lambda self, components: None)
    desk.run()
    assert desk.walks == 2 * walks


def test_another_version_takes_new_samples(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run()
    walks = desk.walks
    monkeypatch.setattr(environment, "_version", lambda package: "another")
    desk.suite["metrics"] = ["precision_recall"]
    assert desk.drive().evaluations == 2
    desk.run()
    assert desk.walks == 2 * walks


def test_rows_name_the_threads_by_which_their_samples_were_computed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    walks = desk.walks
    monkeypatch.setattr("torch.get_num_threads", lambda: 77)
    desk.suite["metrics"] = ["precision_recall"]
    (name,) = desk.run()["environment"].unique()
    assert desk.walks == walks
    told = json.loads((desk.folder / "results" / "environments" / f"{name}.json").read_bytes())
    assert told["threads"] == 1


def test_samples_that_are_quick_are_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SECONDS", 1e9)
    desk.run()
    assert not (desk.folder / "cache" / "samples").exists()


def test_none_are_kept_or_used_with_a_limit_of_0(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    walks = desk.walks
    monkeypatch.setenv("SCOREBENCH_SAMPLES_GB", "0")
    desk.suite["metrics"] = ["precision_recall"]
    desk.run()
    assert desk.walks == 2 * walks
    for wrong in ("lots", "nan", "-1"):
        monkeypatch.setenv("SCOREBENCH_SAMPLES_GB", wrong)
        with pytest.raises(UserError, match=f"SCOREBENCH_SAMPLES_GB={wrong}: expected a number"):
            _ = desk.drive().evaluations


def test_batches_of_kept_samples_that_take_too_much_memory_are_made_smaller(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, walks, plain = desk.run(), desk.walks, Gathering.add

    def add(self: Gathering, batch: Any, first: int) -> None:
        if len(batch) > 5:
            raise MemoryError(f"no room for {len(batch)}")
        plain(self, batch, first)

    monkeypatch.setattr(Gathering, "add", add)
    again = desk.run("again")
    assert desk.walks == walks
    assert again[["batch_size", "batch_size_used"]].to_numpy().tolist() == [[16, 4], [16, 4]]
    assert again["seconds_sampling"].tolist() == first["seconds_sampling"].tolist()
    np.testing.assert_allclose(again["fid"], first["fid"], rtol=1e-5)


def test_a_walk_holds_no_more_samples_than_may_be_kept(
    plan: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 40 * 2 * 4  # bytes of a cell's samples
    monkeypatch.setenv("SCOREBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SCOREBENCH_SAMPLES_GB", str(kept.SHARE * size / 1e9))
    monkeypatch.setattr(kept, "SECONDS", 0.0)
    found = []
    monkeypatch.setattr(KeptSamples, "keep", lambda self, name, kept: found.append(name))
    bench, cells = plan({"name": "chain", "steps": list(range(1, kept.SHARE + 4))})
    assert {result.row["status"] for result in run_cells(bench, cells)} == {"ok"}
    assert len(found) == kept.SHARE


@pytest.mark.parametrize("told", [None, {"row": {}, "statistics": {}}, {"row": 3}])
@pytest.mark.parametrize("shape", [(40, 2), (40, 3), (0,)])
def test_damaged_files_are_drawn_again(desk: Desk, told: Any, shape: tuple[int, ...]) -> None:
    desk.run()
    walks = desk.walks
    sound = {"row": {"nfe": 1, "seconds_sampling": 1}, "statistics": {}, "threads": 1}
    told = told if shape == (40, 2) else sound
    for path in (desk.folder / "cache" / "samples").iterdir():
        damaged = save({"samples": np.zeros(shape, np.float32)}, {"told": json.dumps(told)})
        path.write_bytes(path.read_bytes()[:50] if told is None else damaged)
    desk.suite["metrics"] = ["precision_recall"]
    desk.run()
    assert desk.walks == 2 * walks


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], KeptSamples]:
    def make(gigabytes: float) -> KeptSamples:
        monkeypatch.setenv("SCOREBENCH_SAMPLES_GB", str(gigabytes))
        return KeptSamples(tmp_path / "samples")

    return make


def samples(kilobytes: int) -> Kept:
    row = {"nfe": 1.0, "seconds_sampling": 1.0}
    return Kept(np.zeros((kilobytes, 250), np.float32), row, {}, threads=1)


def test_what_was_not_looked_at_for_longest_goes_first(
    store: Callable[[float], KeptSamples],
) -> None:
    found = store(100e-6)  # 100 kB
    for i in range(9):
        found.keep(f"n{i}", samples(10))
        os.utime(found._path(f"n{i}"), (i, i))
    assert found.find("n0") is not None
    store(100e-6).keep("late", samples(40))
    assert found.names() == {"n0", "late", *(f"n{i}" for i in range(5, 9))}


def test_what_killed_processes_have_half_written_goes_too(
    store: Callable[[float], KeptSamples],
) -> None:
    found = store(100e-6)
    found.keep("n", samples(10))
    left = found._folder / ".tmp1a2B3c"
    left.write_bytes(bytes(95_000))
    os.utime(left, (1, 1))
    store(100e-6).keep("late", samples(10))
    assert {path.stem for path in found._folder.iterdir()} == {"n", "late"}


def test_a_process_that_writes_much_makes_room_as_it_goes(
    store: Callable[[float], KeptSamples],
) -> None:
    found = store(100e-6)
    for i in range(50):
        found.keep(f"n{i}", samples(10))
        time.sleep(0.002)
        size = sum(path.stat().st_size for path in found._folder.iterdir())
        assert size <= 100_000 * (1 + 2 / kept.SHARE)
    assert "n49" in found.names()


def test_samples_that_take_much_of_the_room_are_not_worthwhile(
    store: Callable[[float], KeptSamples],
) -> None:
    found = store(1e-3)
    assert found.is_worthwhile(10.0, 90_000)
    assert not found.is_worthwhile(10.0, 110_000)
    assert not found.is_worthwhile(0.5, 90_000)


def test_a_folder_that_cannot_be_written_costs_speed_only(
    tmp_path: Path, store: Callable[[float], KeptSamples]
) -> None:
    (tmp_path / "samples").write_text("a file where a folder should be")
    found = store(1)
    found.keep("n", samples(1))
    assert found.find("n") is None
    assert found.names() == set()
