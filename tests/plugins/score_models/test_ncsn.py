"""Learned score models in suites: trained once, cached by what decides them, told when spoiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import scorebench
from scorebench import Context, SuiteError, UserError
from scorebench.engine.drive import Drive, prepare
from scorebench.suite.load import load_suite
from scorebench.train import Training, load_checkpoint, load_config
from scorebench_plugins.score_models.ncsn import NCSN, SHIPPED

Run = Callable[..., Drive]


@pytest.fixture
def drive_of(
    tmp_path: Path,
    small_suite: dict[str, Any],
    small_training: dict[str, Any],
    write_suite: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """A suite of ``ncsn`` by training.yaml, with a cache of its own."""
    monkeypatch.setenv("SCOREBENCH_CACHE", str(tmp_path / "cache"))
    small_suite |= {"dataset": {"name": "draws", "model": small_training["target"], "samples": 60}}
    small_suite["reference"] = "dataset"
    write_suite(small_training, "training.yaml")

    def make(retry: tuple[str, ...] = (), **model: Any) -> Drive:
        named = {"name": "ncsn", "train": "training.yaml", **model}
        small_suite["sweep"][0]["model"] = named
        suite = load_suite(write_suite(small_suite))
        return prepare(suite, results=tmp_path / "results", device="cpu", retry=retry)

    return make


def rows(drive: Drive) -> list[dict[str, Any]]:
    return [record["row"] for _, record in drive.run()]


def test_a_suite_trains_once_and_a_second_run_nothing(drive_of: Run, tmp_path: Path) -> None:
    drive = drive_of()
    ((_, work),) = drive.preparations
    assert (work.summary, work.steps, work.done) == ("train small", 20, 0)
    told: list[int] = []
    drive.prepare(lambda _, done, how: told.append(done))
    (folder,) = (tmp_path / "cache" / "trained").iterdir()
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert [row["status"] for row in rows(drive)] == ["ok"] * 4
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    again = drive_of()
    assert (again.preparations, again.pending) == ([], [])
    fresh = {cell.fingerprint for cell in again.plan.cells}
    assert fresh == {cell.fingerprint for cell in drive.plan.cells}


def test_each_of_several_settings_is_trained(drive_of: Run, tmp_path: Path) -> None:
    drive = drive_of(set=[["schedule.n=2"], ["schedule.n=3", "steps=10"]])
    summaries = [work.summary for _, work in drive.preparations]
    assert summaries == ["train small with schedule.n=2", "train small with schedule.n=3, steps=10"]
    assert [row["status"] for row in rows(drive)] == ["ok"] * 8
    assert len(list((tmp_path / "cache" / "trained").iterdir())) == 2
    assert drive_of(set=[["schedule.n=2"], ["schedule.n=3", "steps=10"]]).preparations == []


def test_an_edited_config_is_trained_again_and_changes_the_results(
    drive_of: Run, tmp_path: Path, small_training: dict[str, Any], write_suite: Any
) -> None:
    drive = drive_of()
    rows(drive)
    small_training["optimiser"] = {"learning_rate": 0.1}
    write_suite(small_training, "training.yaml")
    again = drive_of()
    assert len(again.preparations) == 1
    assert len(again.pending) == 4
    rows(again)
    assert len(list((tmp_path / "cache" / "trained").iterdir())) == 2


def test_a_stopped_training_is_gone_on_with(drive_of: Run) -> None:
    drive = drive_of()
    ((_, work),) = drive.preparations

    class StopError(Exception):
        pass

    def stop(*_: object, **__: object) -> None:
        raise StopError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scorebench.train.folder.CheckpointFolder.finish", stop)
        with pytest.raises(StopError):
            work.run()
    ((_, left),) = drive_of().preparations
    assert (left.done, left.steps) == (20, 20)
    assert [row["status"] for row in rows(drive_of())] == ["ok"] * 4


def test_a_training_that_diverges_is_a_row_and_not_repeated_for_every_cell(
    drive_of: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, run = [], Training.run

    def counted(self: Training, *arguments: Any) -> None:
        runs.append(1)
        run(self, *arguments)

    monkeypatch.setattr(Training, "run", counted)
    drive = drive_of(set=["optimiser.learning_rate=1e9"])
    drive.prepare(lambda *_: None)
    found = rows(drive)
    assert [row["status"] for row in found] == ["diverged"] * 4
    assert all("the loss is not finite at step " in row["error"] for row in found)
    assert len(runs) == 1


def test_a_mistake_in_the_config_is_a_mistake_in_the_suite(drive_of: Run) -> None:
    with pytest.raises(UserError, match="unknown objective 'ncns'; did you mean ncsn"):
        drive_of(set=["objective=ncns"])
    with pytest.raises(SuiteError, match="give a checkpoint or a config to train by, not both"):
        drive_of(checkpoint="training.yaml")
    with pytest.raises(SuiteError, match=r"set overrides values of a config: give train as well"):
        drive_of(train=None, set=["steps=3"])
    with pytest.raises(UserError, match=r"gone\.yaml"):
        drive_of(train="gone.yaml")


def test_a_checkpoint_is_a_model(
    tmp_path: Path, small_training: dict[str, Any], write_suite: Any
) -> None:
    path = write_suite(small_training, "training.yaml")
    Training(load_config(path), tmp_path / "made", Context()).run()
    by_folder = scorebench.load("score_model", "ncsn", checkpoint=tmp_path / "made")
    by_config = scorebench.load("score_model", "ncsn", train=path)
    x, sigma = torch.ones(3, 2), torch.tensor(0.5)
    expected = load_checkpoint(tmp_path / "made").score(x, sigma)
    assert by_folder.score(x, sigma).equal(expected)
    assert by_config.score(x, sigma).equal(expected)
    assert by_folder.event_shape == (2,)


def test_a_checkpoint_counts_by_its_content(drive_of: Run, tmp_path: Path) -> None:
    config = load_config(tmp_path / "training.yaml")
    Training(config, tmp_path / "made", Context()).run()
    first = {c.fingerprint for c in drive_of(train=None, checkpoint="made").plan.cells}
    other = load_config(tmp_path / "training.yaml", settings=["seed=1"])
    training = Training(other, tmp_path / "made", Context())
    training.restart()
    training.run()
    second = {c.fingerprint for c in drive_of(train=None, checkpoint="made").plan.cells}
    assert first.isdisjoint(second)


def test_the_shipped_checkpoint_is_the_default() -> None:
    model = scorebench.load("score_model", "ncsn")
    assert model.event_shape == (1, 8, 8)
    assert model.value_range == (-1, 1)
    identity = NCSN().identity(Context())
    assert identity is not None
    assert len(identity) == 32
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 1_600_000


def test_a_config_edited_during_the_run_changes_nothing(
    drive_of: Run, small_training: dict[str, Any], write_suite: Any, tmp_path: Path
) -> None:
    drive = drive_of()
    write_suite(small_training | {"seed": 7}, "training.yaml")
    assert [row["status"] for row in rows(drive)] == ["ok"] * 4
    write_suite(small_training, "training.yaml")
    assert drive_of().preparations == []
    assert len(list((tmp_path / "cache" / "trained").iterdir())) == 1
