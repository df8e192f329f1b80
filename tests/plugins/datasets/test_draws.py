"""Draws of a known density as a dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import scorebench
from scorebench import Context, ParameterError, SeededNoise, UserError
from scorebench.plugin.host import host_for

GAUSSIAN = {"name": "gaussian", "mean": [1.0, -2.0], "std": 0.5, "value_range": [-5, 5]}


def load(**parameters: Any) -> scorebench.Data:
    found: scorebench.Data = scorebench.load("dataset", "draws", model=GAUSSIAN, **parameters)
    return found


def test_draws_are_the_models() -> None:
    data = load(samples=20_000)
    x = data.x[0 : len(data)]
    assert (x.shape, x.dtype, data.value_range) == ((20_000, 2), torch.float32, (-5, 5))
    torch.testing.assert_close(x.mean(0), torch.tensor([1.0, -2.0]), atol=0.02, rtol=0)
    torch.testing.assert_close(x.std(0), torch.tensor([0.5, 0.5]), atol=0.02, rtol=0)


def test_a_seed_gives_the_same_draws_and_another_independent_ones() -> None:
    a, b, c = (load(samples=5000, seed=seed).x[0:5000] for seed in (0, 0, 1))
    assert a.equal(b)
    between = torch.corrcoef(torch.stack([a[:, 0], c[:, 0]]))[0, 1]
    assert abs(float(between)) < 0.06


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"seed": -1}, {"seed": 2**64}])
def test_impossible_numbers_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        load(**wrong)


MUTE = """
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class Mute:
    def load(self, context):
        return scorebench.ScoreModel()

@scorebench.hookimpl
def scorebench_score_models():
    yield scorebench.Component("mute", Mute)
"""


def test_a_model_that_cannot_draw_is_told(write_plugin: Callable[..., Path]) -> None:
    host = host_for([write_plugin(MUTE, "mute_model.py")])
    draws = host.build("dataset", "draws", {"model": "mute"})
    with pytest.raises(UserError, match="dataset draws: model mute can't draw exact samples"):
        draws.load(Context(host=host))


def test_noise_follows_its_generator() -> None:
    def made(seed: int) -> SeededNoise:
        return SeededNoise(torch.Generator().manual_seed(seed), (4, 3), dtype=torch.float64)

    one, same, other = made(0), made(0), made(1)
    first = one.normal()
    assert first.equal(same.normal())
    assert (first.shape, first.dtype) == ((4, 3), torch.float64)
    assert not first.equal(other.normal())
    assert not first.equal(one.normal())
    uniform = one.uniform()
    assert 0 <= float(uniform.min()) < float(uniform.max()) < 1


def test_devices_and_precisions_see_the_same_numbers() -> None:
    narrow = SeededNoise(torch.Generator().manual_seed(0), (4, 3), dtype=torch.float32).normal()
    wide = SeededNoise(torch.Generator().manual_seed(0), (4, 3), dtype=torch.float64).normal()
    assert narrow.double().equal(wide)


def test_the_default_context_is_enough() -> None:
    component = scorebench.build("dataset", "draws", model=GAUSSIAN, samples=3)
    assert len(component.load(Context())) == 3
