"""The optimiser's step and the moving average, against slow formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from scorebench.train.config import Optimiser, TrainingFile
from scorebench.train.criteria import NCSN, Batch
from scorebench.train.networks import MLP
from scorebench.train.preconditioning import LearnedField
from scorebench.train.trainer import Trainer


def trainer(ema: float = 0.999, steps: int = 10, **optimiser: Any) -> Trainer:
    torch.manual_seed(0)
    field = LearnedField(MLP(width=8, depth=1).build((2,)), "edm", "score", 1.0)
    file = TrainingFile(ema=ema, steps=steps, optimiser=Optimiser(**optimiser))
    return Trainer(field, NCSN(), file)


def batch(seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    x0, z = torch.randn(2, 6, 2, generator=generator)
    return Batch(x0, torch.full((6,), 0.5), z)


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([w.detach().flatten() for w in trainer.field.parameters()])


def average(trainer: Trainer) -> torch.Tensor:
    return torch.cat([w.flatten() for w in trainer.average.parameters()])


@pytest.mark.parametrize("ema", [0.0, 0.15, 0.999])
def test_the_average_is_short_at_first_then_as_long_as_asked(ema: float) -> None:
    made = trainer(ema)
    expected = average(made)
    for step in range(4):
        made.step(step, batch(step))
        decay = min(ema, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weights(made)
        torch.testing.assert_close(average(made), expected)
    assert average(made).equal(weights(made)) == (ema == 0)


def test_the_learning_rate_rises_and_falls_along_half_a_cosine() -> None:
    made = trainer(steps=8, learning_rate=2.0, warmup=4)
    rates = [made.learning_rate(step) for step in range(8)]
    cosine = [1, 0.961940, 0.853553, 0.691342, 0.5, 0.308658, 0.146447, 0.038060]
    rise = [0.5, 1, 1.5, 2, 2, 2, 2, 2]
    assert rates == pytest.approx([r * c for r, c in zip(rise, cosine, strict=True)], abs=1e-5)
    flat = trainer(steps=8, learning_rate=2.0, decay="none")
    assert [flat.learning_rate(step) for step in range(8)] == [2.0] * 8


def test_a_step_goes_down_the_gradient_of_the_mean_loss_per_dimension() -> None:
    made = trainer(name="sgd", learning_rate=0.1, decay="none")
    before = weights(made)
    losses = made.criterion.losses(made.field, batch()) / 2
    slopes = torch.autograd.grad(losses.mean(), list(made.field.parameters()))
    told = made.step(0, batch())
    torch.testing.assert_close(told, losses.detach())
    slope = torch.cat([s.flatten() for s in slopes])
    torch.testing.assert_close(weights(made), before - 0.1 * slope)


def test_clipping_bounds_the_length_of_a_step() -> None:
    made = trainer(name="sgd", learning_rate=1.0, decay="none", clip=1e-3)
    before = weights(made)
    made.step(0, batch())
    assert float((weights(made) - before).norm()) == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_tensors_are_all_that_is_needed_to_go_on(name: str) -> None:
    whole, first, second = (trainer(name=name, weight_decay=0.01) for _ in range(3))
    for step in range(6):
        whole.step(step, batch(step))
    for step in range(3):
        first.step(step, batch(step))
    second.go_on_from({n: t.clone() for n, t in first.tensors().items()})
    for step in range(3, 6):
        second.step(step, batch(step))
    assert weights(second).equal(weights(whole))
    assert average(second).equal(average(whole))


def test_the_tensors_of_another_network_are_refused() -> None:
    torch.manual_seed(0)
    field = LearnedField(MLP(width=9, depth=1).build((2,)), "edm", "score", 1.0)
    other = Trainer(field, NCSN(), TrainingFile())
    with pytest.raises(RuntimeError, match="size mismatch"):
        trainer().go_on_from(other.tensors())


@pytest.mark.parametrize("part", ["field", "average"])
@pytest.mark.parametrize("bad", [float("nan"), 1e30])
def test_weights_that_are_of_no_use_are_seen(part: str, bad: float) -> None:
    made = trainer()
    assert made.is_sound(batch())
    for weight in getattr(made, part).parameters():
        weight.data[:] = bad  # 1e30 is finite, its losses aren't
    assert not made.is_sound(batch())
