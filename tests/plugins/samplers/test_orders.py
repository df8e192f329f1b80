"""Orders of convergence that the kit's graded levels don't show, and why ours are what they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import torch
from scipy.integrate import quad
from torch import Tensor

import scorebench
from scorebench import Noise, Sampler, ScoreModel
from scorebench.running.noise import StreamNoise
from scorebench.testing import measured_order
from scorebench.testing.convergence import order_on_graded_levels
from scorebench.testing.exact_models import CPU


@dataclass
class Prescribed(ScoreModel):
    """A model whose answer depends on the noise level alone: ε = (x − D)/σ, or D itself."""

    epsilon: Callable[[float], float] | None = None
    data: Callable[[float], float] | None = None
    event_shape: tuple[int, ...] = (1,)
    dtype: torch.dtype = torch.float64
    device: torch.device = CPU

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        if self.data is not None:
            return torch.full_like(x, self.data(float(sigma)))
        assert self.epsilon is not None
        return x - float(sigma) * self.epsilon(float(sigma))


def steps(sampler: Sampler, model: ScoreModel, sigmas: Tensor) -> list[tuple[float, float]]:
    """The states before and after each step."""
    noise = StreamNoise(0, [0], (1,), dtype=torch.float64)
    return list(pairwise(float(x) for x in sampler.trajectory(model, sigmas, noise)))


GRADED = torch.linspace(2, 0.7, 9, dtype=torch.float64) ** 3
EQUAL = torch.linspace(5, 1, 9, dtype=torch.float64)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("name", "parameters", "sigmas", "variable"),
    [
        ("deis", {}, GRADED, float),
        ("deis", {"variable": "log_sigma"}, GRADED, math.log),
        ("ipndm", {}, EQUAL, float),
    ],
)
def test_adams_bashforth_steps_integrate_polynomials_of_their_degree(
    order: int,
    name: str,
    parameters: dict[str, Any],
    sigmas: Tensor,
    variable: Callable[[float], float],
) -> None:
    """Once they have as many states to look back on, and no polynomial of a higher degree."""
    for degree in range(order + 1):
        model = Prescribed(epsilon=lambda s, degree=degree: (variable(s) - 1) ** degree)
        sampler = scorebench.build("sampler", name, order=order, denoise=False, **parameters)
        errors = []
        for (before, after), (s, t) in zip(
            steps(sampler, model, sigmas), pairwise(sigmas.tolist()), strict=True
        ):
            exact = quad(model.epsilon, s, t, epsabs=0, epsrel=1e-12)[0]
            errors.append(abs((after - before) / exact - 1))
        assert (max(errors[order - 1 :]) < 1e-9) == (degree < order)


def test_ipndm_does_not_on_graded_levels() -> None:
    model = Prescribed(epsilon=lambda s: s)
    sampler = scorebench.build("sampler", "ipndm", denoise=False)
    (before, after), (s, t) = steps(sampler, model, GRADED)[-1], GRADED[-2:].tolist()
    assert abs((after - before) / ((t**2 - s**2) / 2) - 1) > 0.01
    assert order_on_graded_levels(sampler)[0] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("name", "parameters", "degree"),
    [
        ("dpmpp_2m", {}, 0),
        ("dpmpp_3m", {}, 2),
        ("unipc", {"order": 2}, 2),
        ("unipc", {"order": 3}, 3),
    ],
)
def test_exponential_steps_integrate_polynomials_in_log_sigma(
    name: str, parameters: dict[str, Any], degree: int
) -> None:
    """x/σ grows by ∫ D·e^λ dλ; UniPC's states are told by the steps they are corrected in."""
    for power in range(degree + 2):
        model = Prescribed(data=lambda s, power=power: math.log(s) ** power)
        sampler = scorebench.build("sampler", name, denoise=False, **parameters)
        if name == "unipc":
            walked = unipc_corrected(sampler, model)
        else:
            walked = steps(sampler, model, GRADED)
        errors = []
        for (before, after), (s, t) in zip(walked, pairwise(GRADED.tolist()), strict=False):
            exact = quad(
                lambda u, model=model: model.data(math.exp(-u)) * math.exp(u),
                -math.log(s),
                -math.log(t),
            )
            errors.append(abs((after / t - before / s) / exact[0] - 1))
        assert (max(errors[3:]) < 1e-9) == (power <= degree)


def unipc_corrected(sampler: Any, model: ScoreModel) -> list[tuple[float, float]]:
    """The steps between UniPC's corrected states, which it doesn't yield."""
    corrected: list[float] = []
    step = type(sampler)._step

    def watched(self: Any, x: Tensor, *rest: Any) -> Tensor:
        result: Tensor = step(self, x, *rest)
        if len(rest) == 3:
            corrected.append(float(result))
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(sampler), "_step", watched)
        (start, _), *_ = steps(sampler, model, GRADED)
    return list(pairwise([start, *corrected]))


def test_from_a_small_start_the_error_of_the_first_step_prevails() -> None:
    """Of order 1 at the first step, whose error falls with the square of its length alone."""
    levels = [
        scorebench.build("noise_schedule", "karras", n=n, sigma_max=10, sigma_min=0.3).sigmas(
            scorebench.Context()
        )
        for n in (64, 256)
    ]
    deis = scorebench.build("sampler", "deis", order=4, variable="log_sigma")
    assert order_on_graded_levels(deis)[0] == pytest.approx(4, abs=0.1)
    assert measured_order(deis, *levels)[0] == pytest.approx(2, abs=0.1)
    unipc = scorebench.build("sampler", "unipc")
    assert measured_order(unipc, *levels)[0] == pytest.approx(4, abs=0.1)


@dataclass(frozen=True, kw_only=True)
class PublishedDPMpp3M(Sampler):
    """DPM-Solver++(3M) with the weight of its second derivative as in published code."""

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        x = self.start(model, sigmas[0], noise)
        yield x
        past: list[tuple[Tensor, float]] = []
        for sigma, following in pairwise(sigmas):
            h = math.log(float(sigma / following))
            denoised = model.denoise(x, sigma)
            phi_1 = math.expm1(-h)
            phi_2 = phi_1 / h + 1
            phi_3 = phi_2 / h - 0.5
            x = float(following / sigma) * x - phi_1 * denoised
            if len(past) == 1:
                x = x - phi_1 / 2 * h / past[0][1] * (denoised - past[0][0])
            elif len(past) == 2:
                (first, h0), (second, h1) = past
                r0, r1 = h0 / h, h1 / h
                d1_0, d1_1 = (denoised - first) / r0, (first - second) / r1
                d1 = d1_0 + r0 / (r0 + r1) * (d1_0 - d1_1)
                d2 = (d1_0 - d1_1) / (r0 + r1)
                x = x + phi_2 * d1 - phi_3 * d2
            yield x
            past = [(denoised, h), *past][:2]


def test_the_weight_in_published_code_costs_dpmpp_3m_an_order() -> None:
    published, error = order_on_graded_levels(PublishedDPMpp3M())
    ours, smaller = order_on_graded_levels(scorebench.build("sampler", "dpmpp_3m"))
    assert published < 2.5
    assert ours > 2.9
    assert smaller < error
