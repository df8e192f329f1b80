"""Checkpoint folders, sound and spoiled in every way: one clear line, and nothing is executed."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from scorebench import Context, UserError
from scorebench.train import Training, load_checkpoint, load_config
from scorebench.train.checkpoint import About, read_about, read_tensors, write_tensors

MODEL, CONFIG = "model.safetensors", "config.yaml"
ABOUT = About((2,), (-1.0, 1.0), 0.5, 3, 9, "k")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    data = {
        "name": "tiny",
        "target": {"name": "gaussian", "mean": [0.0, 1.0], "value_range": [-9.0, 9.0]},
        "draws": 100,
        "network": {"name": "mlp", "width": 8, "depth": 2},
        "objective": "ncsn",
        "schedule": {"name": "geometric", "n": 3, "sigma_max": 3, "sigma_min": 0.1},
        "steps": 3,
    }
    (folder / "c.yaml").write_text(yaml.safe_dump(data))
    Training(load_config(folder / "c.yaml"), folder / "made", Context()).run()
    return folder / "made"


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(trained, tmp_path / "made"))


def fails(folder: Path) -> str:
    """The one line that loading ends in."""
    with pytest.raises(UserError) as caught:
        load_checkpoint(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    return str(caught.value).replace(str(folder), "")


def rewrite(folder: Path, metadata: dict[str, str] | None = None, **tensors: Any) -> None:
    found = load_file(folder / MODEL) | tensors
    about = read_about(folder / MODEL)
    assert about is not None
    kept = {name: tensor for name, tensor in found.items() if tensor is not None}
    if metadata is None:
        write_tensors(folder / MODEL, kept, about)
    else:
        save_file(kept, folder / MODEL, metadata)


def says(folder: Path, **changes: Any) -> None:
    about = read_about(folder / MODEL)
    assert about is not None
    rewrite(folder, {"scorebench": json.dumps(vars(about) | changes)})


def test_a_checkpoint_knows_its_data(trained: Path) -> None:
    model = load_checkpoint(trained)
    assert (model.event_shape, model.value_range) == ((2,), (-9, 9))
    assert (model.device, model.dtype) == (torch.device("cpu"), torch.float32)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(3, 2).T, "b": torch.tensor(1, dtype=torch.int64)}
    write_tensors(tmp_path / "x", tensors, ABOUT)
    found, about = read_tensors(tmp_path / "x")
    assert replace(about, content="") == ABOUT
    assert about == read_about(tmp_path / "x")
    assert found.keys() == tensors.keys()
    assert all(found[name].equal(tensor) for name, tensor in tensors.items())


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert "there is no checkpoint folder" in fails(tmp_path / "none")
    (tmp_path / "file").write_text("")
    assert "there is no checkpoint folder" in fails(tmp_path / "file")


class Bomb:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("exploded"),))


def test_a_pickle_is_never_loaded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bomb = pickle.dumps(Bomb())
    (folder / MODEL).write_bytes(bomb)
    assert "/model.safetensors is damaged or no file of weights" in fails(folder)
    torch.save({"weights": Bomb()}, folder / MODEL)
    assert "/model.safetensors is damaged or no file of weights" in fails(folder)
    (folder / MODEL).rename(folder / "weights.pt")
    told = fails(folder)
    assert "there are no weights /model.safetensors; weights.pt may hold pickled code" in told
    (folder / CONFIG).write_text("!!python/object/apply:os.mkdir [exploded]")
    assert "not valid YAML" in fails(folder)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("left", [0, 7, 8, 50, 400, -1])
def test_truncated_weights(folder: Path, left: int) -> None:
    (folder / MODEL).write_bytes((folder / MODEL).read_bytes()[:left])
    assert "/model.safetensors is damaged or no file of weights" in fails(folder)


def test_a_header_of_impossible_length(folder: Path) -> None:
    (folder / MODEL).write_bytes(struct.pack("<Q", 2**62) + b"{}" * 100)
    assert "/model.safetensors is damaged" in fails(folder)


def test_a_folder_instead_of_weights(folder: Path) -> None:
    (folder / MODEL).unlink()
    (folder / MODEL).mkdir()
    assert "/model.safetensors is damaged" in fails(folder)


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    (folder / MODEL).unlink()
    os.mkfifo(folder / MODEL)
    assert "/model.safetensors is damaged or no file of weights: not a file" in fails(folder)
    assert read_about(folder / MODEL) is None


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 1500), value=st.integers(0, 255))
def test_a_changed_byte_is_told_or_harmless(folder: Path, place: int, value: int) -> None:
    content = (folder / MODEL).read_bytes()
    spoiled = folder.with_name("spoiled")
    shutil.copytree(folder, spoiled, dirs_exist_ok=True)
    (spoiled / MODEL).write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
    with contextlib.suppress(UserError):
        load_checkpoint(spoiled)


def test_weights_of_someone_else(folder: Path) -> None:
    tensors = load_file(folder / MODEL)
    for metadata in (None, {"format": "pt"}, {"scorebench": "x"}, {"scorebench": "[" * 10**5}):
        save_file(tensors, folder / MODEL, metadata)
        assert "was not written by scorebench train" in fails(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"event_shape": []},
        {"event_shape": [0]},
        {"event_shape": [-2]},
        {"event_shape": [2**19] * 10},
        {"event_shape": "2"},
        {"event_shape": [float("inf")]},
        {"event_shape": None},
        {"sigma_data": 0},
        {"sigma_data": float("nan")},
        {"sigma_data": float("inf")},
        {"sigma_data": 10**400},
        {"sigma_data": []},
        {"value_range": [1]},
        {"value_range": [1, 0]},
        {"value_range": [float("nan"), 0]},
        {"value_range": [float("-inf"), 0]},
        {"step": "x"},
    ],
)
def test_impossible_words_in_the_header(folder: Path, changes: dict[str, Any]) -> None:
    if changes == {"event_shape": "2"}:
        changes = {"event_shape": "²"}
    says(folder, **changes)
    assert "/model.safetensors is damaged or no file of weights" in fails(folder)


def test_weights_of_another_shape(folder: Path) -> None:
    says(folder, event_shape=[3])
    told = fails(folder)
    assert "/model.safetensors isn't of the network in /config.yaml: " in told
    assert "size mismatch" in told
    assert len(told) < 500


def test_weights_that_are_missing_too_many_or_no_numbers(folder: Path) -> None:
    name = "last.bias"
    rewrite(folder, extra=torch.zeros(2))
    assert "isn't of the network" in fails(folder)
    rewrite(folder, extra=None, **{name: None})
    assert "isn't of the network" in fails(folder)
    for value in (float("nan"), float("inf")):
        rewrite(folder, **{name: torch.tensor([0.0, value])})
        assert "/model.safetensors holds values that aren't finite" in fails(folder)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_weights_of_another_kind_of_number(folder: Path, dtype: torch.dtype) -> None:
    rewrite(folder, **{"last.bias": torch.zeros(2).to(dtype)})
    assert "/model.safetensors " in fails(folder)


CONFIGS = {
    "objective": ("objective: ncns\n", "objective: unknown objective 'ncns'; did you mean ncsn?"),
    "network": ("network: mpl\n", "network: unknown network 'mpl'; did you mean mlp?"),
    "unknown key": ("netwrk: 1\n", "netwrk: unknown key"),
    "depth": ("network: {name: mlp, depth: 1000000000}\n", "network.depth: "),
    "width": ("network: {name: mlp, width: 1000000000}\n", "network.width: "),
    "blocks": ("network: {name: unet, blocks: 1000000000}\n", "network.blocks: "),
    "large": ("network: {name: mlp, width: 65536, depth: 100}\n", "isn't of the network in"),
    "unet": ("network: unet\n", "isn't of the network in /config.yaml: unet: needs images"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_spoiled_config(folder: Path, case: str) -> None:
    text, told = CONFIGS[case]
    data = yaml.safe_load((folder / CONFIG).read_text()) | yaml.safe_load(text)
    (folder / CONFIG).write_text(yaml.safe_dump(data))
    assert told in fails(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "/config.yaml: no such file"),
        ("", "a training config is a mapping"),
        ("- 1", "a training config is a mapping"),
        ("name: [", "not valid YAML"),
        ("\0", "not valid YAML"),
    ],
)
def test_a_config_that_is_none(folder: Path, text: str | None, told: str) -> None:
    (folder / CONFIG).unlink()
    if text is not None:
        (folder / CONFIG).write_text(text)
    assert told in fails(folder)


def test_weights_that_were_tampered_with_are_refused(folder: Path) -> None:
    content = bytearray((folder / MODEL).read_bytes())
    content[-3] ^= 1
    (folder / MODEL).write_bytes(content)
    assert "/model.safetensors is damaged: its weights aren't those that" in fails(folder)


def test_a_training_that_has_not_ended_is_taken_on_request_only(folder: Path) -> None:
    says(folder, step=2)
    assert " has 2 of 3 steps: let scorebench train end it, or ask for it" in fails(folder)
    assert load_checkpoint(folder, unfinished=True).event_shape == (2,)
