"""Runs into a results directory: what is computed, what is kept, what is computed again."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml

import scorebench
from scorebench import SuiteError, UserError
from scorebench.engine.base import EngineOptions
from scorebench.engine.drive import Drive, prepare
from scorebench.engine.inline import InlineEngine
from scorebench.store import Store
from scorebench.suite.load import load_suite

from .conftest import MINE


class Bench:
    """A folder with a suite, a plugin made of two files, and results."""

    def __init__(self, folder: Path, suite: dict[str, Any]) -> None:
        self.folder, self.data = folder, suite
        self.results = folder / "results"

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def forget(self) -> None:
        """Unload the plugins, so that what follows is as in a new process."""
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if file and Path(file).is_relative_to(self.folder):
                del sys.modules[name]

    def drive(self, **options: Any) -> Drive:
        self.forget()
        path = self.folder / "suite.yaml"
        path.write_text(yaml.safe_dump(self.data))
        options.setdefault("engine", EngineOptions(name="inline"))
        return prepare(load_suite(path), results=self.results, device="cpu", **options)

    def run(self, **options: Any) -> list[str]:
        """Run what is pending; the samplers of the cells that were computed, in order."""
        drive = self.drive(**options)
        return [cell.point.sampler.name for cell, _ in drive.run()]

    def table(self) -> pd.DataFrame:
        return scorebench.read_results(self.results)


@pytest.fixture
def bench(mine: Path, small_suite: dict[str, Any]) -> Iterator[Bench]:
    small_suite["plugins"] = [mine.name]
    small_suite["sweep"][0]["sampler"] = ["euler", "mine"]
    small_suite["sweep"][0]["schedule"]["n"] = 3
    made = Bench(mine.parent, small_suite)
    yield made
    made.forget()


def test_a_second_run_computes_nothing_and_gives_the_same_table(bench: Bench) -> None:
    assert bench.run() == ["euler", "mine"]
    first = bench.table()
    assert bench.run() == []
    pd.testing.assert_frame_equal(bench.table(), first)
    assert (bench.results / "table.parquet").exists()
    assert first["status"].tolist() == ["ok", "ok"]


def test_editing_a_plugin_recomputes_its_cells_only(bench: Bench) -> None:
    bench.run()
    before = bench.table().set_index("sampler")["fid"]
    bench.write("mine.py", MINE.replace("yield SHRINK", "yield 2 * SHRINK"))
    assert bench.run() == ["mine"]
    after = bench.table().set_index("sampler")["fid"]
    assert after["euler"] == before["euler"]
    assert after["mine"] > 1.5 * before["mine"]


def test_editing_a_local_module_that_a_plugin_imports_recomputes_its_cells(bench: Bench) -> None:
    bench.run()
    before = bench.table().set_index("sampler")["fid"]
    bench.write("mine_helper.py", "SHRINK = 2.0\n")
    assert bench.run() == ["mine"]
    assert bench.table().set_index("sampler")["fid"]["mine"] > 1.5 * before["mine"]


def test_taking_an_edit_back_finds_the_old_cells_again(bench: Bench) -> None:
    bench.run()
    before = bench.table()
    bench.write("mine_helper.py", "SHRINK = 2.0\n")
    bench.run()
    bench.write("mine_helper.py", "SHRINK = 1.0\n")
    assert bench.run() == []
    pd.testing.assert_frame_equal(bench.table(), before)


def test_a_parameter_concerns_its_own_cells(bench: Bench) -> None:
    bench.run()
    bench.data["sweep"][0]["sampler"][0] = {"name": "euler", "denoise": False}
    assert bench.run() == ["euler"]
    assert len(bench.table()) == 2


def test_giving_a_default_explicitly_computes_nothing_but_shows_its_column(bench: Bench) -> None:
    bench.run()
    bench.data["sweep"][0]["sampler"][0] = {"name": "euler", "denoise": True}
    assert bench.run() == []
    assert bench.table()["sampler.denoise"][0] == True  # noqa: E712  pandas' NA-aware True


def test_a_new_sample_count_concerns_all_cells(bench: Bench) -> None:
    bench.run()
    bench.data["samples"] = 41
    assert bench.run() == ["euler", "mine"]
    assert bench.table()["samples"].tolist() == [41, 41]


def test_changed_data_concerns_all_cells(bench: Bench) -> None:
    images = torch.randint(0, 256, (12, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    from PIL import Image

    folder = bench.folder / "images"
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image[0].to(torch.uint8).numpy()).save(folder / f"{i:02}.png")
    bench.data |= {
        "dataset": {"name": "image_folder", "path": "images", "mode": "grayscale"},
        "reference": "dataset",
    }
    bench.data["sweep"][0]["model"] = {"name": "factor_mixture", "components": 1, "rank": 1}
    bench.data["sweep"][0]["schedule"]["sigma_max"] = 2
    assert bench.run() == ["euler", "mine"]
    assert bench.run() == []
    Image.fromarray(images[0, 0].to(torch.uint8).numpy() // 2).save(folder / "03.png")
    assert bench.run() == ["euler", "mine"]


def test_new_cells_do_not_recompute_old_ones(bench: Bench) -> None:
    bench.run()
    bench.data["repeats"] = 2
    bench.data["sweep"][0]["sampler"].append("heun")
    assert bench.run() == ["heun", "euler", "mine", "heun"]


def test_a_stopped_run_keeps_what_was_finished(bench: Bench) -> None:
    steps = bench.drive().run()
    next(steps)
    steps.close()
    assert bench.table()["sampler"].tolist() == ["euler"]
    assert bench.run() == ["mine"]


FAILING = MINE.replace("yield SHRINK *", "raise RuntimeError('broken here')\n        yield")


def test_a_failing_plugin_is_a_row_and_the_others_go_on(bench: Bench) -> None:
    bench.write("mine.py", FAILING)
    bench.data["sweep"][0]["sampler"] = ["mine", "euler"]
    drive = bench.drive()
    assert [record["row"]["status"] for _, record in drive.run()] == ["failed", "ok"]
    assert not drive.all_ok
    table = bench.table()
    assert table["error"][0] == "RuntimeError: broken here"
    (failed,) = (r for r in drive.finished.values() if r["row"]["status"] == "failed")
    assert "mine.py" in failed["traceback"]


def test_what_failed_is_retried_on_request_only(bench: Bench) -> None:
    bench.write("mine.py", FAILING)
    bench.run()
    assert bench.run() == []
    assert bench.run(retry=["diverged"]) == []
    assert bench.run(retry=["failed"]) == ["mine"]


def test_a_retry_within_the_run_can_save_a_cell(bench: Bench) -> None:
    flaky = MINE.replace(
        "yield SHRINK *", "global tries; tries += 1; assert tries > 2\n        yield"
    )
    bench.write("mine.py", flaky.replace("@scorebench.hookimpl", "tries = 0\n@scorebench.hookimpl"))
    bench.data["limits"] = {"retries": 2}
    bench.run()
    assert bench.table()["status"].tolist() == ["ok", "ok"]


def test_a_truncated_cell_is_computed_again(bench: Bench) -> None:
    bench.run()
    before = bench.table()["fid"].tolist()
    files = sorted((bench.results / "cells").iterdir())
    files[0].write_bytes(files[0].read_bytes()[:50])
    assert len(bench.run()) == 1
    assert bench.table()["fid"].tolist() == before


def test_the_directory_says_what_was_run_and_with_what(bench: Bench) -> None:
    bench.run()
    assert yaml.safe_load((bench.results / "suite.yaml").read_text()) == bench.data
    name = bench.table()["environment"][0]
    surroundings = json.loads((bench.results / "environments" / f"{name}.json").read_text())
    assert surroundings["packages"]["torch"]


def test_overrides_are_in_the_suite_as_run(bench: Bench) -> None:
    bench.drive()
    path = bench.folder / "suite.yaml"
    drive = prepare(load_suite(path, settings=["samples=50"]), results=bench.results, device="cpu")
    list(drive.run())
    assert yaml.safe_load((bench.results / "suite.yaml").read_text())["samples"] == 50


def test_a_users_mistake_writes_nothing(bench: Bench) -> None:
    bench.data |= {"dataset": "digits", "reference": "dataset"}
    with pytest.raises(SuiteError, match="shape"):
        bench.run()
    assert not bench.results.exists()


def test_the_results_of_another_suite_are_left_alone(bench: Bench) -> None:
    bench.run()
    bench.data["name"] = "other"
    with pytest.raises(UserError, match="holds the results of suite 'small'"):
        bench.drive()


def test_images_are_kept_as_pictures(bench: Bench) -> None:
    bench.data |= {"dataset": "digits", "reference": "dataset"}
    bench.data["sweep"][0]["model"] = {"name": "factor_mixture", "components": 1, "rank": 1}
    bench.run()
    pictures = {p.stem for p in (bench.results / "images").iterdir()}
    assert pictures == set(bench.table()["fingerprint"])


def test_how_images_came_about_is_kept_where_a_sampler_has_states(bench: Bench) -> None:
    bench.data |= {"dataset": "digits", "reference": "dataset"}
    bench.data["sweep"][0]["model"] = {"name": "factor_mixture", "components": 1, "rank": 1}
    assert bench.run() == ["euler", "mine"]
    (strip,) = (bench.results / "trajectories").iterdir()
    assert strip.stem == bench.table().set_index("sampler")["fingerprint"]["euler"]
    from PIL import Image

    states, rows = 4, 4  # the start, two steps and the denoised end, of four samples
    with Image.open(strip) as shown:
        assert shown.size == (states * (32 + 2) + 2, rows * (32 + 2) + 2)


def test_public_run_and_read_results_agree(bench: Bench) -> None:
    bench.drive()
    table = scorebench.run(bench.folder / "suite.yaml", results=bench.results, device="cpu")
    pd.testing.assert_frame_equal(scorebench.read_results(bench.results), table)
    twice = scorebench.read_results(bench.results, bench.results)
    assert len(twice) == 2 * len(table)


def test_public_run_keeps_the_arguments_that_make_its_suite_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.drive()
    monkeypatch.chdir(bench.folder)
    scorebench.run("suite.yaml", results=bench.results, device="cpu")
    plan = Store(bench.results).plan()
    assert plan["arguments"] == ["suite.yaml", "--device", "cpu"]
    assert plan["started_in"] == ".."


def test_an_unknown_engine_is_told(bench: Bench) -> None:
    with pytest.raises(UserError, match="unknown engine 'inlin'; did you mean inline"):
        bench.drive(engine=EngineOptions(name="inlin"))


def test_the_plan_in_the_directory_says_which_way_metrics_point(bench: Bench) -> None:
    bench.run()
    assert Store(bench.results).plan()["better"] == {"fid": "lower"}


def test_a_full_disk_is_told_in_one_line_and_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = bench.drive().run()
    next(steps)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(UserError, match=r"can't be written any more: No space left"):
            next(steps)
    assert bench.table()["sampler"].tolist() == ["euler"]
    assert bench.run() == ["mine"]


def test_a_retry_that_is_interrupted_leaves_old_rows_in_the_table(bench: Bench) -> None:
    bench.write("mine_helper.py", "SHRINK = 'no number'\n")
    bench.data["repeats"] = 3
    bench.run()
    running = bench.drive(retry=["failed"])
    assert len(running.pending) == 3
    cells = running.run()
    next(cells)
    cells.close()
    assert running.table is not None
    assert len(running.table) == 6
    pd.testing.assert_frame_equal(
        pd.read_parquet(bench.results / "table.parquet"), bench.table(), check_dtype=False
    )


class Elsewhere(InlineEngine):
    """An engine whose workers have another kind of device; none of it may be asked in vain."""

    asked = closed = 0

    def close(self) -> None:
        self.closed += 1

    def workers(self, bench: Any) -> int:
        self.asked += 1
        return 7

    def device_type(self, bench: Any) -> str:
        self.asked += 1
        return "cuda"


def test_a_driver_prepares_nothing_for_workers_of_another_kind_of_device(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOREBENCH_CACHE", str(bench.folder / "cache"))
    bench.data |= {"reference": "dataset", "dataset": "digits", "samples": 200}
    bench.data["sweep"][0]["model"] = {"name": "gaussian", "mean": [0.0] * 64}
    here, there = bench.drive(), bench.drive()
    there.engine = Elsewhere()
    assert (here.device, here.workers, len(here.extractions)) == ("cpu", 1, 1)
    assert (there.device, there.workers, len(there.extractions)) == ("cuda", 7, 0)


def test_with_nothing_to_run_the_engine_is_not_asked(bench: Bench) -> None:
    bench.run()
    drive = bench.drive()
    drive.engine = engine = Elsewhere()
    assert (drive.workers, drive.device, drive.extractions) == (1, "cpu", [])
    assert list(drive.run()) == []
    assert (engine.asked, engine.closed) == (0, 1)


def test_an_engine_is_let_go_of_also_where_nothing_can_be_run(bench: Bench) -> None:
    drive = bench.drive()
    drive.engine = engine = Elsewhere()
    drive.store = Store(bench.folder / "mine.py")  # no folder
    with pytest.raises(UserError):
        list(drive.run())
    assert engine.closed == 1
