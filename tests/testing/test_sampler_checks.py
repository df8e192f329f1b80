"""The checks of samplers catch what they are there to catch."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

import scorebench
from scorebench import Context, Noise, Reading, Sampler, ScoreModel
from scorebench.testing.conformance import run_checks
from scorebench.testing.convergence import order_on_graded_levels
from scorebench.testing.impulses import response
from scorebench.testing.levels import levels
from scorebench.testing.live_states import states_alive
from scorebench.testing.samplers import CHECKS


@dataclass(frozen=True, kw_only=True)
class Sound(Sampler):
    """Euler steps, written so that a subclass can break one rule at a time."""

    convergence_order = 1

    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        return denoised + following / sigma * (x - denoised)

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        x = self.start(model, sigmas[0], noise)
        yield x
        for sigma, following in pairwise(sigmas):
            x = self.step(x, model.denoise(x, sigma), sigma, following)
            yield x

    def nfe(self, levels: int) -> int | None:
        return levels - 1

    def reading(self) -> Reading:
        return Reading(self, self)

    def closed_form(self, sigmas: Any, variance: float) -> Any:
        yield 0.0, sigmas[0]
        for s, t in pairwise(sigmas):
            yield (variance + s * t) / (variance + s**2), 0.0


@dataclass(frozen=True, kw_only=True)
class HalfTooShort(Sound):
    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        return x + (following - sigma) / sigma * (x - denoised) / 2


@dataclass(frozen=True, kw_only=True)
class OffByALittle(Sound):
    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        return super().step(x, denoised, sigma, following) * (1 + 1e-9)


@dataclass(frozen=True, kw_only=True)
class CoordinatesMixed(Sound):
    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        return super().step(x, denoised, sigma, following) + 1e-6 * (x - x.flip(-1))


@dataclass(frozen=True, kw_only=True)
class OrderOverstated(Sound):
    convergence_order = 2


@dataclass(frozen=True, kw_only=True)
class MiscountedEvaluations(Sound):
    def nfe(self, levels: int) -> int:
        return levels


@dataclass(frozen=True, kw_only=True)
class NormalisedOverTheBatch(Sound):
    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        return super().step(x, denoised, sigma, following) + 1e-3 * x.mean(0)


@dataclass(frozen=True, kw_only=True)
class GlobalRandomness(Sound):
    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        return super().step(x, denoised, sigma, following) + random.random()


@dataclass(frozen=True, kw_only=True)
class SeedIgnored(Sound):
    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        yield torch.zeros_like(noise.normal())


@dataclass(frozen=True, kw_only=True)
class AlwaysDouble(Sound):
    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        return super().step(x, denoised, sigma, following).double()


@dataclass(frozen=True, kw_only=True)
class GraphLeft(Sound):
    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        return super().step(
            x.clone().requires_grad_(torch.is_grad_enabled()), denoised, sigma, following
        )


@dataclass(frozen=True, kw_only=True)
class InPlace(Sound):
    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        return x.mul_(following / sigma).add_((1 - following / sigma) * denoised)


@dataclass(frozen=True, kw_only=True)
class ModelOutputChanged(Sound):
    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        return denoised.lerp_(x, float(following / sigma))


@dataclass(frozen=True, kw_only=True)
class NoOneLevel(Sound):
    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        assert sigmas[1] > 0
        yield from super().trajectory(model, sigmas, noise)


@dataclass(frozen=True, kw_only=True)
class NothingYielded(Sound):
    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        yield from ()


@dataclass(frozen=True, kw_only=True)
class DivergenceHidden(Sound):
    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        return super().step(x, denoised, sigma, following).nan_to_num()


@dataclass(frozen=True, kw_only=True)
class EverythingKept(Sound):
    kept: list[Tensor] = field(default_factory=list)

    def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
        self.kept.append(denoised)
        return super().step(x, denoised, sigma, following)


@dataclass(frozen=True, kw_only=True)
class ReadOffAnother(Sound):
    def reading(self) -> Reading:
        walk = HalfTooShort()
        return Reading(walk, walk)


BROKEN = [
    (HalfTooShort, "exact moments"),
    (OffByALittle, "exact moments"),
    (CoordinatesMixed, "exact moments"),
    (HalfTooShort, "order of convergence"),
    (OrderOverstated, "order of convergence"),
    (MiscountedEvaluations, "number of evaluations"),
    (NormalisedOverTheBatch, "batch invariance"),
    (GlobalRandomness, "reproducibility"),
    (SeedIgnored, "reproducibility"),
    (AlwaysDouble, "precision and device"),
    (GraphLeft, "no autograd graph"),
    (InPlace, "tensors left alone"),
    (ModelOutputChanged, "tensors left alone"),
    (NoOneLevel, "edge cases"),
    (NothingYielded, "states yielded"),
    (DivergenceHidden, "divergence"),
    (EverythingKept, "bounded memory"),
    (ReadOffAnother, "reading"),
]


def outcomes(sampler: Sampler) -> dict[str, bool | None]:
    return {outcome.check: outcome.passed for outcome in run_checks("sampler", sampler)}


@pytest.mark.parametrize(("cls", "check"), BROKEN)
def test_a_broken_rule_is_caught_by_its_check(cls: type[Sampler], check: str) -> None:
    assert outcomes(cls())[check] is False


def test_a_sound_sampler_passes_every_check_and_each_check_has_something_to_catch() -> None:
    found = outcomes(Sound())
    assert set(found.values()) == {True}
    assert set(found) == {check for _, check in BROKEN}
    assert len(found) == len(CHECKS)


def test_a_sampler_without_claims_is_told_what_it_does() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Claimless(Sampler):
        def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
            yield from Sound().trajectory(model, sigmas, noise)

    found = {o.check: o for o in run_checks("sampler", Claimless())}
    assert found["exact moments"].passed is None
    assert "data -1 ± 0.7 become -0.99" in found["exact moments"].message
    assert found["order of convergence"].passed is None
    assert found["number of evaluations"].passed is None
    assert "6 at n = 7; none declared" in found["number of evaluations"].message
    assert all(o.passed is not False for o in found.values())


def test_a_sampler_that_isnt_affine_has_no_exact_moments() -> None:
    class Squaring(Sound):
        def step(self, x: Tensor, denoised: Tensor, sigma: Tensor, following: Tensor) -> Tensor:
            return x + 1e-3 * x.square()

    (found,) = [o for o in run_checks("sampler", Squaring()) if o.check == "exact moments"]
    assert found.passed is None
    assert "not affine" in found.message


def test_impulses_give_exact_moments_of_normal_and_uniform_draws() -> None:
    class Known(Sampler):
        def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
            yield 2 + 3 * noise.normal() - 4 * noise.uniform() + 5 * noise.normal()

    model = scorebench.load("score_model", "gaussian", dtype="float64", mean=[0.0, 0.0], std=1.0)
    found = response(Known(), model, levels(3))
    assert found.misfit < 1e-14
    gains = torch.tensor([3.0, -4, 5])[:, None, None] * torch.eye(2)
    torch.testing.assert_close(found.gains, gains.double())
    torch.testing.assert_close(found.mean, torch.zeros(2).double())
    torch.testing.assert_close(found.std**2, torch.full((2,), 34 + 16 / 12).double())


def test_impulses_give_the_covariance_of_coordinates_that_mix() -> None:
    class Mixing(Sampler):
        def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
            z = noise.normal()
            yield torch.stack([z[:, 0], z[:, 0] + 2 * z[:, 1]], 1)

    model = scorebench.load("score_model", "gaussian", dtype="float64", mean=[0.0, 0.0], std=1.0)
    found = response(Mixing(), model, levels(3))
    torch.testing.assert_close(found.covariance, torch.tensor([[1.0, 1], [1, 5]]).double())


def test_states_alive_counts_what_a_sampler_holds() -> None:
    few, more = states_alive(Sound(), 5), states_alive(EverythingKept(), 5)
    assert few <= 5
    assert more >= 4 + 2


def test_checks_run_on_the_contexts_device() -> None:
    for outcome in run_checks("sampler", Sound(), context=Context(device="meta", dtype="float64")):
        if outcome.check == "precision and device":
            assert outcome.passed is not None


@dataclass(frozen=True, kw_only=True)
class AlwaysDenoising(Sound):
    """Yields no start, and has no parameter to leave its last step out."""

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        _, *states = super().trajectory(model, sigmas, noise)
        yield from states
        yield model.denoise(states[-1], sigmas[-1])


def test_the_order_is_found_where_the_last_state_is_a_denoised_one() -> None:
    order, error = order_on_graded_levels(AlwaysDenoising())
    assert order == pytest.approx(1, abs=0.1)
    assert error < 0.02


@dataclass(frozen=True, kw_only=True)
class HoardingChain(Sampler):
    """A chain at one level that keeps all it has seen."""

    steps: int = 5
    kept: list[Tensor] = field(default_factory=list)

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        (sigma,) = sigmas
        x = self.start(model, sigma, noise)
        for _ in range(self.steps):
            self.kept.append(model.score(x, sigma))
            x = x + 0.1 * self.kept[-1]
            yield x

    def nfe(self, levels: int) -> int:
        if levels != 1:
            raise ValueError("one level, please")
        return self.steps


def test_what_a_chain_holds_is_compared_over_its_iterations() -> None:
    found = outcomes(HoardingChain())
    assert [check for check, passed in found.items() if passed is False] == ["bounded memory"]
