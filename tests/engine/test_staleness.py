"""Ways in which a stale or foreign number could get into a table, each closed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scorebench import UserError
from scorebench.engine.base import EngineOptions
from scorebench.engine.drive import Drive, prepare
from scorebench.suite.load import load_suite

DATASET = """
from dataclasses import dataclass
import torch, scorebench
SCALE = 1.0

@dataclass(frozen=True, kw_only=True)
class D(scorebench.Dataset):
    def load(self, context):
        generator = torch.Generator().manual_seed(0)
        return scorebench.Data(SCALE * torch.randn(60, 2, generator=generator))

@scorebench.hookimpl
def scorebench_datasets():
    yield scorebench.Component("NAME", D)
"""
MODEL = {"name": "factor_mixture", "components": 1, "rank": 1}


class Desk:
    """A folder with a suite and plugins; every start is as in a new process."""

    def __init__(self, folder: Path, suite: dict[str, Any], monkeypatch: Any) -> None:
        self.folder, self.suite, self.monkeypatch = folder, suite, monkeypatch
        self.caches = 0
        self.new_cache()

    def new_cache(self) -> None:
        self.caches += 1
        self.monkeypatch.setenv("SCOREBENCH_CACHE", str(self.folder / f"cache{self.caches}"))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text)

    def forget(self) -> None:
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(str(self.folder)):
                del sys.modules[name]

    def start(self, results: str = "results") -> Drive:
        self.forget()
        path = self.folder / "suite.yaml"
        path.write_text(yaml.safe_dump(self.suite))
        inline = EngineOptions(name="inline")
        return prepare(load_suite(path), results=self.folder / results, device="cpu", engine=inline)

    def fids(self, results: str = "results") -> list[float]:
        drive = self.start(results)
        statuses = [record["row"]["status"] for _, record in drive.run()]
        assert set(statuses) <= {"ok"}
        assert drive.table is not None
        return drive.table["fid"].tolist()


@pytest.fixture
def desk(
    tmp_path: Path, small_suite: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    small_suite["sweep"][0] |= {"sampler": "euler"}
    small_suite["sweep"][0]["schedule"]["n"] = 3
    before = list(sys.path)
    made = Desk(tmp_path, small_suite, monkeypatch)
    yield made
    sys.path[:] = before
    made.forget()


def test_a_drawn_reference_belongs_to_the_data_its_model_is_fitted_to(desk: Desk) -> None:
    desk.suite["sweep"][0]["model"] = MODEL
    found = {}
    for split in ("train", "test"):
        desk.suite["dataset"] = {"name": "digits", "split": split}
        found[split] = desk.fids(split)
    desk.new_cache()
    assert desk.fids("fresh") == found["test"]


def test_editing_a_dataset_that_a_model_names_recomputes(desk: Desk) -> None:
    desk.write("ds.py", DATASET.replace("NAME", "mine"))
    desk.suite["plugins"] = ["ds.py"]
    desk.suite["sweep"][0]["model"] = {**MODEL, "dataset": "mine"}
    before = desk.fids()
    desk.write("ds.py", DATASET.replace("NAME", "mine").replace("SCALE = 1.0", "SCALE = 4.0"))
    after = desk.fids()
    desk.new_cache()
    assert after == desk.fids("fresh") != before


def test_datasets_of_equal_classes_are_told_apart(desk: Desk) -> None:
    desk.write("d1.py", DATASET.replace("NAME", "ds1"))
    desk.write("d9.py", DATASET.replace("NAME", "ds9").replace("SCALE = 1.0", "SCALE = 9.0"))
    desk.suite |= {"plugins": ["d1.py", "d9.py"], "dataset": "ds1", "reference": "dataset"}
    desk.suite["sweep"][0]["model"] = [MODEL, {**MODEL, "dataset": "ds9"}]
    same, other = desk.fids()
    assert other > 5 * same


SAMPLER = """
from dataclasses import dataclass
import scorebench
TOP

@dataclass(frozen=True, kw_only=True)
class S(scorebench.Sampler):
    def trajectory(self, model, sigmas, noise):
        LATE
        yield F * model.denoise(self.start(model, sigmas[0], noise), sigmas[0])

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("NAME", S)
"""


def sampler(name: str, top: str = "", late: str = "") -> str:
    return SAMPLER.replace("NAME", name).replace("TOP", top).replace("LATE", late)


@pytest.mark.parametrize("through", ["", "middle_"])
def test_a_helper_hidden_by_another_folders_is_told_even_if_imported_late(
    desk: Desk, through: str
) -> None:
    for folder in ("a", "b"):
        imported = f"from {through}{folder if through else 'helper'} import F"
        desk.write(f"{folder}/plug_{folder}.py", sampler(folder, late=imported))
        desk.write(f"{folder}/middle_{folder}.py", "from helper import F\n")
        desk.write(f"{folder}/helper.py", f"F = {1 if folder == 'a' else 9}\n")
    desk.suite["plugins"] = ["a/plug_a.py", "b/plug_b.py"]
    assert len(desk.fids()) == 1
    desk.suite["sweep"][0]["sampler"] = "b"
    with pytest.raises(UserError, match=r"imports helper, but gets .* instead of its own"):
        desk.start()


@pytest.mark.parametrize(
    "guarded",
    [
        "if not TYPE_CHECKING:\n    from hh import F",
        "if TYPE_CHECKING:\n    F: float\nelse:\n    from hh import F",
        "if TYPE_CHECKING:\n    pass\nelif True:\n    from hh import F",
    ],
)
def test_imports_that_run_count_whatever_surrounds_them(desk: Desk, guarded: str) -> None:
    desk.write("plug.py", sampler("s", top=f"from typing import TYPE_CHECKING\n{guarded}"))
    desk.write("hh.py", "F = 1.0\n")
    desk.suite["plugins"] = ["plug.py"]
    desk.suite["sweep"][0]["sampler"] = "s"
    before = desk.fids()
    desk.write("hh.py", "F = 3.0\n")
    assert desk.fids() != before


def test_an_edit_between_import_and_plan_is_refused(desk: Desk) -> None:
    desk.write("plug.py", sampler("s", top="F = 1.0"))
    desk.suite["plugins"] = ["plug.py"]
    desk.suite["sweep"][0]["sampler"] = "s"
    path = desk.folder / "suite.yaml"
    path.write_text(yaml.safe_dump(desk.suite))
    suite = load_suite(path)
    desk.write("plug.py", sampler("s", top="F = 3.0"))
    with pytest.raises(UserError, match="was edited after it was loaded"):
        prepare(suite, results=desk.folder / "results", device="cpu")


def test_a_cell_whose_source_is_edited_while_it_runs_is_not_kept(desk: Desk) -> None:
    desk.write("plug.py", sampler("s", late="from late_helper import F"))
    desk.write("late_helper.py", "F = 1.0\n")
    desk.suite["plugins"] = ["plug.py"]
    desk.suite["sweep"][0]["sampler"] = ["euler", "s"]
    drive = desk.start()
    steps = drive.run()
    next(steps)
    desk.write("late_helper.py", "F = 3.0\n")
    with pytest.raises(UserError, match=r"edited (during the run|after it was loaded)"):
        next(steps)
    assert len(drive.finished) == 1
    assert desk.fids()[1] > 0


def test_a_change_of_the_harness_renews_references_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = desk.start()
    bench, model = drive.bench, drive.plan.cells[0].point.model
    before = bench.states(model)[0]["mean"].copy()
    monkeypatch.setattr("scorebench.running.reference.harness_digest", lambda: "another")
    bench._states.clear()
    calls: list[int] = []
    drawn = bench._drawn
    monkeypatch.setattr(bench, "_drawn", lambda chosen: calls.append(1) or drawn(chosen))
    assert (bench.states(model)[0]["mean"] == before).all()
    assert calls == [1]


def test_repeats_are_numbered_as_in_the_latest_plan(desk: Desk) -> None:
    desk.suite["repeats"] = 2
    desk.fids()
    desk.suite["seed"] = 1
    drive = desk.start()
    list(drive.run())
    table = drive.table
    assert table is not None
    assert table[["repeat", "seed"]].to_numpy().tolist() == [[0, 1], [1, 2]]


def test_without_a_cache_a_drawn_reference_serves_several_metrics(desk: Desk) -> None:
    (desk.folder / "file").write_text("in the way")
    desk.suite["metrics"] = ["fid", "precision_recall"]
    with_cache = desk.fids("with")
    desk.monkeypatch.setenv("SCOREBENCH_CACHE", str(desk.folder / "file"))
    assert desk.fids("without") == with_cache


EXITING = """
import sys
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class S(scorebench.Sampler):
    def nfe(self, levels):
        sys.exit(0)

    def trajectory(self, model, sigmas, noise):
        yield self.start(model, sigmas[0], noise)

@dataclass(frozen=True, kw_only=True)
class N(scorebench.NoiseSchedule):
    def sigmas(self, context):
        sys.exit(0)

@dataclass(frozen=True, kw_only=True)
class M:
    def load(self, context):
        sys.exit(0)

@dataclass(frozen=True, kw_only=True)
class D(scorebench.Dataset):
    def load(self, context):
        sys.exit(0)

class Mute(Exception):
    def __str__(self):
        raise ValueError

@dataclass(frozen=True, kw_only=True)
class Q(scorebench.Sampler):
    def trajectory(self, model, sigmas, noise):
        raise Mute
        yield

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("exiting", S)
    yield scorebench.Component("mute", Q)

@scorebench.hookimpl
def scorebench_noise_schedules():
    yield scorebench.Component("exiting", N)

@scorebench.hookimpl
def scorebench_score_models():
    yield scorebench.Component("exiting", M)

@scorebench.hookimpl
def scorebench_datasets():
    yield scorebench.Component("exiting", D)
"""


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"sampler": "exiting"}, "ok"),
        ({"schedule": "exiting"}, "failed"),
        ({"model": "exiting"}, "failed"),
        ({"sampler": "mute"}, "failed"),
    ],
)
def test_a_plugin_that_exits_ends_its_cells_not_the_run(
    desk: Desk, changes: dict[str, str], status: str
) -> None:
    desk.write("exiting.py", EXITING)
    desk.suite["plugins"] = ["exiting.py"]
    desk.suite["sweep"][0] |= changes
    drive = desk.start()
    assert [r["row"]["status"] for _, r in drive.run()] == [status]


def test_a_dataset_that_exits_is_told(desk: Desk) -> None:
    desk.write("exiting.py", EXITING)
    desk.suite |= {"plugins": ["exiting.py"], "dataset": "exiting"}
    with pytest.raises(UserError, match="dataset exiting: SystemExit"):
        desk.start()


def test_a_metric_that_points_nowhere_is_told(
    desk: Desk,
) -> None:
    desk.write(
        "metric.py",
        """
from dataclasses import dataclass
from typing import ClassVar
import scorebench

@dataclass(frozen=True, kw_only=True)
class M(scorebench.Metric):
    better: ClassVar = {"mmd": "min"}
    def prepare(self, reference, context): ...
    def compute(self, state, generated): ...

@scorebench.hookimpl
def scorebench_metrics():
    yield scorebench.Component("mmd", M)
""",
    )
    desk.suite |= {"plugins": ["metric.py"], "metrics": ["mmd"]}
    with pytest.raises(UserError, match="say lower or higher"):
        desk.start()
