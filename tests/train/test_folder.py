"""Checkpoint folders while they are trained in: what is left alone, kept, and told."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from scorebench import Context, UserError
from scorebench.train import Training, load_checkpoint, load_config
from scorebench.train.folder import CheckpointFolder

Train = Callable[..., Training]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_the_folder_of_another_training_is_left_alone(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    training_of(small_training).run()
    other = training_of(small_training, "steps=10")
    before = weights(other.folder)
    with pytest.raises(UserError, match=r"made holds another training.*--restart"):
        other.run()
    assert all(before[name].equal(tensor) for name, tensor in weights(other.folder).items())
    other.restart()
    other.run()
    assert not same_tensors(before, weights(other.folder))


def same_tensors(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(a[name].equal(b[name]) for name in a)


def test_files_that_are_not_ours_are_left_alone(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    training = training_of(small_training)
    training.folder.mkdir()
    theirs = training.folder / "model.safetensors"
    theirs.write_bytes(b"theirs")
    with pytest.raises(UserError, match=r"model\.safetensors is damaged, or not by scorebench"):
        training.run()
    assert theirs.read_bytes() == b"theirs"


def test_a_config_is_not_overwritten_by_its_own_checkpoint(
    training_of: Train, small_training: dict[str, Any], tmp_path: Path, write_suite: Any
) -> None:
    path = write_suite(small_training, "config.yaml")
    text = "# mine\n" + path.read_text()
    path.write_text(text)
    training = Training(load_config(path), tmp_path, Context())
    training.restart()
    with pytest.raises(UserError, match=r"config\.yaml would be overwritten"):
        training.run()
    assert path.read_text() == text


def half_done(training_of: Train, data: dict[str, Any]) -> Training:
    """A training that was stopped before it could tidy up."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckpointFolder, "finish", stop)
        with pytest.raises(KeyboardInterrupt):
            training_of(data).run()
    return training_of(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize("name", ["state.safetensors", "training.parquet", "model.safetensors"])
def test_a_damaged_state_is_told_and_not_gone_on_from(
    name: str, training_of: Train, small_training: dict[str, Any]
) -> None:
    training = half_done(training_of, small_training)
    assert training.done == 20
    truncate(training.folder / name)
    with pytest.raises(UserError, match=r"(damaged|can't be resumed).*start afresh"):
        training.run()
    training.restart()
    training.run()
    assert training.is_finished


def test_a_state_without_its_losses_is_told(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    training = half_done(training_of, small_training)
    (training.folder / "training.parquet").unlink()
    with pytest.raises(UserError, match=r"can't be resumed, start afresh \(--restart\): "):
        training.run()


def test_a_full_disk_leaves_the_last_checkpoint(
    training_of: Train, small_training: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = training_of(small_training, folder="whole")
    whole.run()
    training, replace, count = training_of(small_training), os.replace, 0

    def full(source: str, target: Path) -> None:
        nonlocal count
        count += 1
        if count > 5:  # config, losses, model and state of step 5; the losses of step 10
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(UserError) as caught:
            training.run()
    assert str(caught.value) == (
        f"{training.folder} can't be written: No space left on device; what was kept is still "
        "there, and the same command goes on from it"
    )
    load_checkpoint(training.folder, unfinished=True)
    assert not list(training.folder.glob(".*"))
    again = training_of(small_training)
    assert again.done == 5
    again.run()
    assert same_tensors(weights(whole.folder), weights(again.folder))
    tables = [pd.read_parquet(made.folder / "training.parquet") for made in (whole, again)]
    pd.testing.assert_frame_equal(*tables)


def test_a_restart_discards_nothing_before_it_can_begin(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    training_of(small_training).run()
    other = training_of(small_training, "objective=dsm")
    before = weights(other.folder)
    other.restart()
    with pytest.raises(UserError, match="dsm takes a single noise level"):
        other.run()
    assert same_tensors(before, weights(other.folder))


def test_another_config_in_the_folder_is_left_alone(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    training = training_of(small_training)
    training.folder.mkdir()
    theirs = training.folder / "config.yaml"
    theirs.write_text("of: something else")
    with pytest.raises(UserError, match=r"config\.yaml is another config; choose another folder"):
        training.run()
    assert theirs.read_text() == "of: something else"
    training.restart()
    training.run()
    assert training.is_finished


def test_two_processes_do_not_train_in_one_folder_at_once(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    training, waiting = training_of(small_training), threading.Event()
    told: list[str] = []

    def report(_done: int, how: str) -> None:
        told.append(how)
        waiting.set()

    other = threading.Thread(target=training.run, args=(report,))
    with CheckpointFolder(training.folder, training.key).alone(lambda: None):
        other.start()
        assert waiting.wait(30)
        assert not (training.folder / "config.yaml").exists()
    other.join(60)
    assert told[0] == "waiting for another process"
    assert training.is_finished
