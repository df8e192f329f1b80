"""What a network learns from: units, spread, and data that can't be learned from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import scorebench
from scorebench import Context, UserError
from scorebench.train import Training
from scorebench.train.config import TrainingConfig, load_config
from scorebench.train.training_data import BLOCK, TrainingData, load_data

Train = Callable[..., Training]

PLUGIN = """
from dataclasses import dataclass
import torch, scorebench

@dataclass(frozen=True, kw_only=True)
class Given(scorebench.Dataset):
    values: list[float]
    count: int
    def load(self, context):
        x = torch.tensor(self.values).repeat(self.count, 1)
        return scorebench.Data(x=x)

class Mute(scorebench.ScoreModel):
    event_shape = (2,)
    device, dtype = torch.device("cpu"), torch.float32
    def denoise(self, x, sigma):
        return 0 * x

@dataclass(frozen=True, kw_only=True)
class MuteModel:
    def load(self, context):
        return Mute()

@scorebench.hookimpl
def scorebench_datasets():
    yield scorebench.Component("given", Given)

@scorebench.hookimpl
def scorebench_score_models():
    yield scorebench.Component("mute", MuteModel)
"""


@pytest.fixture
def config_of(
    small_training: dict[str, Any], write_suite: Callable[..., Path], write_plugin: Any
) -> Callable[..., TrainingConfig]:
    plugin = write_plugin(PLUGIN, "given_points.py")

    def make(**changes: Any) -> TrainingConfig:
        data = {k: v for k, v in small_training.items() if k != "target" or k in changes}
        return load_config(write_suite(data | changes, "training.yaml"), plugins=[plugin])

    return make


def trained(config: TrainingConfig, folder: Path) -> None:
    Training(config, folder, Context()).run()


def given(*values: float, count: int = 5) -> dict[str, Any]:
    return {"name": "given", "values": list(values), "count": count}


def test_images_are_scaled_batch_by_batch() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1)
    data = TrainingData(images, (-1.0, 1.0), None)
    torch.manual_seed(0)
    drawn = data.draw(300)
    assert sorted(set(drawn.flatten().tolist())) == pytest.approx([-1, -0.6, 1])
    assert data.spread() == pytest.approx(float(torch.tensor([-1, -0.6, 1]).std(correction=0)))


def test_the_spread_is_taken_over_all_blocks() -> None:
    x = torch.randn(2 * BLOCK + 3, 2, generator=torch.Generator().manual_seed(0)) + 3
    expected = float(x.double().std(correction=0))
    assert TrainingData(x, None, None).spread() == pytest.approx(expected, rel=1e-9)


def test_images_take_the_range_that_the_config_gives(
    config_of: Callable[..., TrainingConfig],
) -> None:
    config = config_of(dataset="digits", value_range=[0.0, 1.0])
    assert config.dataset is not None
    data = load_data(config, Context(default_dataset=config.dataset.spec, host=config.host))
    assert (data.x.dtype, data.event_shape, data.value_range) == (torch.uint8, (1, 8, 8), (0, 1))
    drawn = data.draw(100)
    assert 0 <= float(drawn.min()) < 0.1
    assert 0.9 < float(drawn.max()) <= 1


def test_draws_are_the_targets(training_of: Train, small_training: dict[str, Any]) -> None:
    small_training |= {"draws": 20_000}
    data = load_data(training_of(small_training).config, Context())
    assert data.event_shape == (2,)
    left = (data.x[:, 0] < 0).float().mean()
    assert float(left) == pytest.approx(0.5, abs=0.02)
    torch.testing.assert_close(data.x.mean(0), torch.tensor([0.0, -0.5]), atol=0.05, rtol=0)
    other = load_data(training_of(small_training, "seed=1").config, Context())
    assert not data.x.equal(other.x)


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({"dataset": given(1.0, 2.0, count=0)}, "dataset given is empty"),
    "nan": ({"dataset": given(1.0, float("nan"))}, "the data hold values that aren't finite"),
    "equal": ({"dataset": given(2.0, 2.0)}, "all values of the data are equal"),
    "mute": ({"target": "mute"}, "target mute can't draw samples"),
    "unet": (
        {"dataset": given(1.0, 2.0), "network": "unet"},
        "network: unet: needs images C×H×W, got samples of shape 2; try mlp",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_data_that_cannot_be_learned_from(
    mistake: str, config_of: Callable[..., TrainingConfig], tmp_path: Path
) -> None:
    changes, told = MISTAKES[mistake]
    config = config_of(**changes)
    with pytest.raises(UserError) as caught:
        trained(config, tmp_path / "made")
    assert str(caught.value) == f"{config.path}: {told}"
    assert not (tmp_path / "made").exists()


def test_one_sample_is_enough_where_its_values_differ(
    config_of: Callable[..., TrainingConfig], tmp_path: Path
) -> None:
    config = config_of(dataset=given(1.0, 3.0, count=1), batch_size=64, steps=2)
    trained(config, tmp_path / "made")
    assert (tmp_path / "made" / "model.safetensors").exists()


def test_training_data_and_a_dataset_of_the_same_seed_are_independent(
    config_of: Callable[..., TrainingConfig], small_training: dict[str, Any]
) -> None:
    target = small_training["target"]
    x = load_data(config_of(target=target, draws=500), Context()).x
    held_out = scorebench.load("dataset", "draws", model=target, samples=500).x
    distances = torch.cdist(x, held_out).min(1).values
    assert float(distances.min()) > 0
