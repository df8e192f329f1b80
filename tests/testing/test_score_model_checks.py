"""Score models that break a law each, and the checks that must notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scorebench import Context, Noise, ScoreModel, UserError, per_sample
from scorebench.testing import Outcome, run_checks, score_models
from scorebench.testing.outcome import Check


class Normal(ScoreModel):
    """N(0, 1) in two dimensions, sound."""

    event_shape = (2,)

    def __init__(self, context: Context) -> None:
        self.device, self.dtype = context.device, context.dtype

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return -x / (1 + per_sample(sigma, x).to(x.dtype) ** 2)

    def log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        variance = 1 + sigma.to(x.dtype) ** 2
        return -(x**2).sum(1) / variance / 2 - (2 * torch.pi * variance).log()

    def draw(self, count: int, noise: Noise) -> Tensor:
        return noise.normal()[:count]


class Bounded(ScoreModel):
    """A sound model that knows neither its density nor how to draw."""

    event_shape = (1, 2, 2)
    value_range = (-1, 1)

    def __init__(self, context: Context) -> None:
        self.device, self.dtype = context.device, context.dtype

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x / (1 + per_sample(sigma, x).to(x.dtype) ** 2)


class AtZeroOnly(Normal):
    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        if (sigma > 0).any():
            raise UserError("only at σ = 0")
        return -x

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x


class TwiceTheScore(Normal):
    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return 2 * super().score(x, sigma)


class SlightlyTooFar(Normal):
    """A score and a denoiser that agree with each other and not with the draws."""

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return 1.2 * super().score(x, sigma)

    def __getattribute__(self, name: str) -> Any:
        if name == "log_prob":
            raise AttributeError(name)
        return super().__getattribute__(name)


class DenoiserOfItsOwn(Normal):
    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        return 1.001 * super().denoise(x, sigma)


class AnotherPrecision(Normal):
    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return super().score(x, sigma).double()


class AnotherShape(Normal):
    event_shape = (1, 2)

    def draw(self, count: int, noise: Noise) -> Tensor:
        return noise.normal()[:count, 0]


class LevelOfTheFirst(Normal):
    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return super().score(x, sigma.flatten()[0])


class Neighbourly(Normal):
    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return super().score(x, sigma) + 1e-6 * x.mean(0)


class Overwriting(Normal):
    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        x += 1e-12
        return super().score(x, sigma)


class WithGraph(Normal):
    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.gain = nn.Parameter(torch.ones((), dtype=context.dtype))

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.gain * super().score(x, sigma)


class Overflowing(Normal):
    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x**16 / x**16 * super().score(x, sigma)  # ∞/∞ in float32


class NotANumber(Normal):
    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        return super().denoise(x, sigma) * torch.nan


class UnseededDraws(Normal):
    def draw(self, count: int, noise: Noise) -> Tensor:
        return torch.randn(count, 2, dtype=self.dtype)


class DrawsOfTheBatch(Normal):
    def draw(self, count: int, noise: Noise) -> Tensor:
        return noise.normal()[:count].flip(0)


@dataclass(frozen=True, kw_only=True)
class Component:
    """What a plugin would register."""

    model: type

    def load(self, context: Context) -> Any:
        return self.model(context)


def outcomes(model: type) -> dict[str, Outcome]:
    return {o.check: o for o in run_checks("score_model", Component(model=model))}


def test_a_sound_model_passes_everything() -> None:
    found = outcomes(Normal)
    assert len(found) == 9
    assert [o for o in found.values() if o.passed is not True] == []


def test_what_a_model_does_not_know_is_not_asserted() -> None:
    unknown = {n: o for n, o in outcomes(Bounded).items() if o.passed is not True}
    assert set(unknown) == {"gradient of density", "posterior mean", "exact draws"}
    assert all(o.passed is None for o in unknown.values())
    assert "no log_prob" in unknown["gradient of density"].message


def test_a_model_of_the_data_alone_is_tried_there() -> None:
    found = outcomes(AtZeroOnly)
    assert [n for n, o in found.items() if o.passed is None] == ["posterior mean"]
    assert [o for o in found.values() if o.passed is False] == []


@pytest.mark.parametrize(
    ("model", "check", "told"),
    [
        (TwiceTheScore, score_models.gradient_of_density, "by 1.0e+00 of it"),
        (TwiceTheScore, score_models.posterior_mean, "chance allows"),
        (SlightlyTooFar, score_models.posterior_mean, "4096 draws"),
        (DenoiserOfItsOwn, score_models.tweedie_formula, "differs from denoise"),
        (NotANumber, score_models.tweedie_formula, "by nan"),
        (NotANumber, score_models.posterior_mean, "by nan"),
        (NotANumber, score_models.batch_invariance, "at most nan"),
        (NotANumber, score_models.finite_everywhere, "denoise isn't finite"),
        (AnotherPrecision, score_models.shape_and_precision, "made torch.float64 [6, 2]"),
        (AnotherShape, score_models.shape_and_precision, "draws [2], but event_shape is (1, 2)"),
        (AnotherShape, score_models.exact_draws, "[7, 2]"),
        (LevelOfTheFirst, score_models.level_for_each_sample, "differ by at most"),
        (Neighbourly, score_models.batch_invariance, "shuffled neighbours"),
        (Overwriting, score_models.no_trace, "score changes its input"),
        (WithGraph, score_models.no_trace, "score leaves an autograd graph"),
        (Overflowing, score_models.finite_everywhere, "in torch.float32"),
        (UnseededDraws, score_models.exact_draws, "other draws the second time"),
        (DrawsOfTheBatch, score_models.exact_draws, "batches of three and four"),
    ],
)
def test_what_is_broken_is_caught(model: type, check: Check, told: str) -> None:
    found = check(Component(model=model), Context(dtype="float64"))
    assert found.check == check.__name__.replace("_", " ")
    assert found.passed is False, found
    assert told in found.message
