"""Training configs and what trainings have left behind."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scorebench import Context
from scorebench.train import Training, load_checkpoint, load_config
from scorebench.train.checkpoint import CONFIG, MODEL, read_about
from scorebench.train.config_levels import preview_levels, training_levels

from .budget import inputs
from .spoiling import WORDS, YAML, spoiled_bytes, spoiled_text, spoiled_values
from .watch import reading

ROOT = Path(__file__).parents[2]
CONFIGS = [path.read_text() for path in sorted((ROOT / "configs").glob("*.yaml"))]
SMALL = {
    "name": "tiny",
    "target": {"name": "gaussian", "mean": [0.0, 1.0], "value_range": [-9.0, 9.0]},
    "draws": 100,
    "network": {"name": "mlp", "width": 8, "depth": 2},
    "objective": {"name": "ncsn"},
    "schedule": {"name": "geometric", "n": 3, "sigma_max": 3, "sigma_min": 0.1},
    "optimiser": {"name": "adam", "learning_rate": 1e-3, "clip": 1.0},
    "preview": {"sampler": "euler", "samples": 4},
    "steps": 3,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "config.yaml").write_text(yaml.safe_dump(SMALL))
    Training(load_config(folder / "config.yaml"), folder / "made", Context()).run()
    load_checkpoint(folder / "made")
    return folder / "made"


@pytest.fixture
def spoiled(trained: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(trained, tmp_path / "made"))


def configure(path: Path, content: str) -> None:
    """Read a config, and find the noise levels that it asks for."""
    path.write_bytes(content.encode(errors="surrogatepass"))
    config = reading(lambda: load_config(path))
    if config is not None:
        reading(lambda: training_levels(config, Context()))
        reading(lambda: preview_levels(config, Context()))


def load(folder: Path) -> None:
    """Read a checkpoint in all ways there are."""
    reading(lambda: read_about(folder / MODEL))
    reading(lambda: load_checkpoint(folder, unfinished=True))


def headed(content: bytes, header: Any) -> bytes:
    """A safetensors file with another header."""
    (length,) = struct.unpack_from("<Q", content)
    told = json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + content[8 + length :]


def header_of(content: bytes) -> Any:
    (length,) = struct.unpack_from("<Q", content)
    return json.loads(content[8 : 8 + length])


@inputs("config text")
@given(spoiled_text([*CONFIGS, yaml.safe_dump(SMALL)], [*YAML, *WORDS]))
def test_spoiled_configs(tmp_path: Path, content: str) -> None:
    configure(tmp_path / "config.yaml", content)


@inputs("config values")
@given(spoiled_values([SMALL, *map(yaml.safe_load, CONFIGS)]))
def test_configs_with_spoiled_values(tmp_path: Path, data: Any) -> None:
    configure(tmp_path / "config.yaml", yaml.safe_dump(data))


@inputs("weights")
@given(st.data())
def test_spoiled_weights(trained: Path, spoiled: Path, data: st.DataObject) -> None:
    sound = (trained / MODEL).read_bytes()
    values = spoiled_values([header_of(sound)]).map(lambda header: headed(sound, header))
    (spoiled / MODEL).write_bytes(data.draw(spoiled_bytes([sound, bytes(64)]) | values))
    load(spoiled)


@inputs("weights' words")
@given(st.data())
def test_weights_that_say_anything_of_themselves(
    trained: Path, spoiled: Path, data: st.DataObject
) -> None:
    sound = (trained / MODEL).read_bytes()
    header = header_of(sound)
    words = data.draw(spoiled_values([json.loads(header["__metadata__"]["scorebench"])]))
    header["__metadata__"]["scorebench"] = json.dumps(words)
    (spoiled / MODEL).write_bytes(headed(sound, header))
    load(spoiled)


@inputs("checkpoint configs")
@given(st.data())
def test_checkpoints_with_spoiled_configs(
    trained: Path, spoiled: Path, data: st.DataObject
) -> None:
    sound = (trained / CONFIG).read_text()
    values = spoiled_values([yaml.safe_load(sound)]).map(yaml.safe_dump)
    (spoiled / CONFIG).write_bytes(
        data.draw(spoiled_text([sound], [*YAML, *WORDS]) | values).encode(errors="surrogatepass")
    )
    load(spoiled)
