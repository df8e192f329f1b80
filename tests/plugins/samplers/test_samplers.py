"""Every shipped sampler against closed forms on N(0, s²), where each is affine in its draws.

A noise source that sends one impulse per sample of the batch gives the coefficient of every draw
exactly, without Monte Carlo.
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

import scorebench
from scorebench import Noise, Sampler, ScoreModel, UserError
from scorebench.running.sampling import CountedModel

S = 0.7  # standard deviation of the data
LEVELS = [3, 10, 50]


class Impulses(Noise):
    """Row b is 1 in draw b and 0 in the others, so row b of the result is its coefficient."""

    def __init__(self, draws: int) -> None:
        self.draws, self.drawn = draws, 0

    def normal(self) -> Tensor:
        draw = torch.zeros(self.draws, 1, dtype=torch.float64)
        draw[self.drawn] = 1
        self.drawn += 1
        return draw

    def uniform(self) -> Tensor:
        return self.normal()


def gaussian() -> ScoreModel:
    return scorebench.load("score_model", "gaussian", dtype="float64", mean=[0.0], std=S)


def levels(n: int, schedule: str = "geometric") -> Tensor:
    built = scorebench.build("noise_schedule", schedule, n=n, sigma_max=5, sigma_min=0.05)
    return built.sigmas(scorebench.Context())


def coefficients(sampler: Sampler, sigmas: Tensor, draws: int) -> list[float]:
    noise = Impulses(draws)
    *_, last = sampler.trajectory(gaussian(), sigmas, noise)
    assert noise.drawn == draws
    return last.flatten().tolist()


def contraction(sigma: float) -> float:
    """D(x, σ)/x on N(0, s²)."""
    return S**2 / (S**2 + sigma**2)


@pytest.mark.parametrize("n", LEVELS)
@pytest.mark.parametrize("denoise", [True, False])
def test_euler_multiplies_by_its_steps(n: int, denoise: bool) -> None:
    sigmas = levels(n)
    expected = float(sigmas[0])
    for sigma, following in pairwise(sigmas.tolist()):
        expected *= 1 + (following - sigma) * (1 - contraction(sigma)) / sigma
    expected *= contraction(float(sigmas[-1])) if denoise else 1
    euler = scorebench.build("sampler", "euler", denoise=denoise)
    assert coefficients(euler, sigmas, 1) == pytest.approx([expected], rel=1e-12)


@pytest.mark.parametrize("n", LEVELS)
def test_heun_without_churn_multiplies_by_its_steps(n: int) -> None:
    sigmas = levels(n)
    expected = float(sigmas[0])
    for sigma, following in pairwise(sigmas.tolist()):
        slope = (1 - contraction(sigma)) / sigma
        euler = 1 + (following - sigma) * slope
        corrected = euler * (1 - contraction(following)) / following
        expected *= 1 + (following - sigma) * (slope + corrected) / 2
    expected *= contraction(float(sigmas[-1]))
    heun = scorebench.build("sampler", "heun")
    assert coefficients(heun, sigmas, 1) == pytest.approx([expected], rel=1e-12)


@pytest.mark.parametrize("churn", [0.5, 5.0, 1000.0])
def test_churn_adds_noise_as_in_algorithm_2(churn: float) -> None:
    n, s_noise = 10, 1.003
    sigmas = levels(n)
    gamma = min(churn / n, math.sqrt(2) - 1)
    expected = [float(sigmas[0])]
    for sigma, following in [*pairwise(sigmas.tolist()), (float(sigmas[-1]), 0.0)]:
        raised = sigma * (1 + gamma)
        expected.append(s_noise * math.sqrt(raised**2 - sigma**2))
        slope = (1 - contraction(raised)) / raised
        factor = 1 + (following - raised) * slope
        if following > 0:
            corrected = factor * (1 - contraction(following)) / following
            factor = 1 + (following - raised) * (slope + corrected) / 2
        expected = [factor * c for c in expected]
    heun = scorebench.build("sampler", "heun", s_churn=churn, s_noise=s_noise)
    assert coefficients(heun, sigmas, n + 1) == pytest.approx(expected, rel=1e-10)


def test_churn_is_added_between_its_bounds_only() -> None:
    sigmas = levels(10)
    inside = sum(0.1 <= s <= 1 for s in sigmas.tolist())
    heun = scorebench.build("sampler", "heun", s_churn=5, s_min=0.1, s_max=1)
    assert 0 < inside < 10
    coefficients(heun, sigmas, 1 + inside)


@pytest.mark.parametrize("convention", ["half", "full"])
@pytest.mark.parametrize("noise_scale", [1.0, 0.5])
@pytest.mark.parametrize("sigma", [0.0, 0.3])
def test_langevin_is_the_autoregression_it_should_be(
    convention: str, noise_scale: float, sigma: float
) -> None:
    eta, steps = 0.1, 20
    drift, diffusion = (eta / 2, eta**0.5) if convention == "half" else (eta, (2 * eta) ** 0.5)
    a = 1 - drift / (S**2 + sigma**2)
    expected = [sigma * a**steps]
    expected += [noise_scale * diffusion * a ** (steps - k) for k in range(1, steps + 1)]
    langevin = scorebench.build(
        "sampler",
        "langevin",
        step_size=eta,
        steps=steps,
        convention=convention,
        noise_scale=noise_scale,
    )
    found = coefficients(langevin, torch.tensor([sigma], dtype=torch.float64), steps + 1)
    assert found == pytest.approx(expected, rel=1e-12)


def test_langevin_settles_at_the_biased_variance_of_its_step() -> None:
    eta, sigma = 0.2, 0.3
    langevin = scorebench.build("sampler", "langevin", step_size=eta, steps=400)
    found = coefficients(langevin, torch.tensor([sigma], dtype=torch.float64), 401)
    variance = S**2 + sigma**2
    assert sum(c**2 for c in found) == pytest.approx(variance / (1 - eta / (4 * variance)))


def test_without_noise_langevin_climbs_to_the_mode_and_draws_nothing_but_a_start() -> None:
    langevin = scorebench.build("sampler", "langevin", step_size=0.1, steps=500, noise_scale=0)
    assert abs(coefficients(langevin, torch.tensor([0.3], dtype=torch.float64), 1)[0]) < 1e-15


@pytest.mark.parametrize("convention", ["half", "full"])
@pytest.mark.parametrize("denoise", [True, False])
@pytest.mark.parametrize("n", [1, 3, 10])
def test_annealed_langevin_is_algorithm_1(convention: str, denoise: bool, n: int) -> None:
    epsilon, steps = 1e-3, 3
    sigmas = levels(n)
    expected = [float(sigmas[0])]
    for sigma in sigmas.tolist():
        alpha = epsilon * sigma**2 / float(sigmas[-1]) ** 2
        drift = alpha / 2 if convention == "half" else alpha
        diffusion = alpha**0.5 if convention == "half" else (2 * alpha) ** 0.5
        for _ in range(steps):
            a = 1 - drift / (S**2 + sigma**2)
            expected = [a * c for c in expected] + [diffusion]
    if denoise:
        expected = [contraction(float(sigmas[-1])) * c for c in expected]
    sampler = scorebench.build(
        "sampler",
        "annealed_langevin",
        step_size=epsilon,
        steps_per_level=steps,
        convention=convention,
        denoise=denoise,
    )
    assert coefficients(sampler, sigmas, 1 + n * steps) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("heun", 2)])
def test_ode_samplers_reach_their_order(name: str, order: int) -> None:
    sampler = scorebench.build("sampler", name, denoise=False)
    errors = []
    for n in (65, 257):
        sigmas = levels(n, "karras")
        first, last = float(sigmas[0]), float(sigmas[-1])
        exact = first * math.sqrt((S**2 + last**2) / (S**2 + first**2))
        errors.append(abs(coefficients(sampler, sigmas, 1)[0] - exact))
    assert math.log(errors[0] / errors[1], 4) == pytest.approx(order, abs=0.1)


BUILT = [
    ("euler", {}),
    ("euler", {"denoise": False}),
    ("heun", {}),
    ("heun", {"s_churn": 3, "denoise": False}),
    ("annealed_langevin", {"steps_per_level": 4}),
    ("annealed_langevin", {"steps_per_level": 1, "denoise": True}),
    ("langevin", {"step_size": 0.1, "steps": 7}),
    ("langevin", {"step_size": 0.1, "steps": 7, "denoise": True, "init": "uniform"}),
]


@pytest.mark.parametrize(("name", "parameters"), BUILT)
@pytest.mark.parametrize("n", [1, 2, 9])
def test_evaluations_are_as_many_as_declared(
    name: str, parameters: dict[str, object], n: int
) -> None:
    if name == "langevin" and n > 1:
        n = 1
    sampler = scorebench.build("sampler", name, **parameters)
    sigmas = levels(n)
    model = gaussian()
    found = scorebench.sample(model, sampler, sigmas, 5)
    assert found.nfe == sampler.nfe(n)
    assert found.x.dtype == torch.float64


@pytest.mark.parametrize(("name", "parameters"), BUILT)
def test_states_yielded_are_not_changed_afterwards(
    name: str, parameters: dict[str, object]
) -> None:
    sampler = scorebench.build("sampler", name, **parameters)
    sigmas = levels(1 if name == "langevin" else 5)
    states = []
    for state in sampler.trajectory(gaussian(), sigmas, Impulses(40)):
        states.append((state, state.clone()))
    assert len(states) >= 1
    assert all(torch.equal(state, copy) for state, copy in states)


@pytest.mark.parametrize(
    ("name", "parameters", "yielded"),
    [
        ("euler", {}, 6),
        ("euler", {"denoise": False}, 5),
        ("heun", {}, 6),
        ("annealed_langevin", {"steps_per_level": 2}, 5),
        ("annealed_langevin", {"steps_per_level": 2, "denoise": True}, 6),
    ],
)
def test_a_state_is_yielded_for_every_level(
    name: str, parameters: dict[str, object], yielded: int
) -> None:
    sampler = scorebench.build("sampler", name, **parameters)
    assert len(list(sampler.trajectory(gaussian(), levels(5), Impulses(40)))) == yielded


def test_langevin_yields_every_iteration() -> None:
    sampler = scorebench.build("sampler", "langevin", step_size=0.1, steps=7)
    assert len(list(sampler.trajectory(gaussian(), levels(1), Impulses(8)))) == 7


def test_langevin_refuses_several_levels() -> None:
    sampler = scorebench.build("sampler", "langevin", step_size=0.1)
    with pytest.raises(ValueError, match="stays at one noise level, but the schedule has 3"):
        sampler.nfe(3)


@pytest.mark.parametrize("name", ["annealed_langevin", "langevin"])
@pytest.mark.parametrize("bad", [0, -1, "nan", "fast"])
def test_step_sizes_must_be_positive(name: str, bad: object) -> None:
    with pytest.raises(UserError, match="step_size: expected float > 0"):
        scorebench.build("sampler", name, step_size=bad)


def test_heun_beats_euler_at_equal_evaluations() -> None:
    model = CountedModel(gaussian(), torch.float64)
    variance = {}
    for name, n in (("euler", 19), ("heun", 10)):
        sampler = scorebench.build("sampler", name)
        assert sampler.nfe(n) == 19
        *_, x = sampler.trajectory(model, levels(n, "karras"), Impulses(1))
        variance[name] = abs(float(x) ** 2 - S**2)
    assert variance["heun"] < variance["euler"] / 3
