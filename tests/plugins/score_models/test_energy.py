"""Energies: their slopes in closed form, and what a user's function may be."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

import scorebench
from scorebench import Context, ParameterError, UserError

ZERO = torch.tensor(0.0, dtype=torch.float64)
SHIPPED = ["double_well", "ring", "two_moons"]


def load(energy: str, dtype: str = "float64", **parameters: Any) -> Any:
    component = scorebench.build("score_model", "energy", energy=energy, **parameters)
    return component.load(Context(dtype=dtype))


@pytest.fixture
def mine(write_plugin: Callable[..., Path], tmp_path: Path) -> Callable[[str], str]:
    """Writes a file with a function E, and names it."""

    def write(source: str) -> str:
        return f"{write_plugin(source, 'my_energies.py')}:E"

    return write


def points(count: int = 50) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(count, 2, generator=generator, dtype=torch.float64)


def closed_form(name: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Log-density and score, worked out by hand."""
    first, second = x.mT
    if name == "double_well":
        energy = 4 * first**4 - 8 * first**2 + 4 + second**2 / 2
        return -energy, -torch.stack([16 * first**3 - 16 * first, second], 1)
    radius = (first**2 + second**2).sqrt()
    log_prob = -((radius - 2) ** 2) / 0.32
    score = -((radius - 2) / 0.16 / radius)[:, None] * x
    if name == "two_moons":
        # e^−(x−2)²/0.72 + e^−(x+2)²/0.72 = 2·e^−(x²+4)/0.72·cosh(4x/0.72)
        scale = first / 0.18
        log_prob = log_prob - (first**2 + 4) / 0.72 + (2 * scale.cosh()).log()
        score[:, 0] += -first / 0.36 + scale.tanh() / 0.18
    return log_prob, score


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_energies_and_their_slopes(name: str) -> None:
    model, x = load(name), points()
    log_prob, score = closed_form(name, x)
    torch.testing.assert_close(model.log_prob(x, ZERO), log_prob, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(model.score(x, ZERO), score, rtol=1e-12, atol=1e-12)
    assert torch.equal(model.denoise(x, ZERO), x)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("place", [0.0, 1e3])
def test_slopes_are_finite_where_chains_start_or_stray(name: str, place: float) -> None:
    x = torch.full((1, 2), place)
    assert load(name, "float32").score(x, ZERO.float()).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_leaves_neither_graph_nor_trace(dtype: torch.dtype) -> None:
    model, x = load("ring", str(dtype).removeprefix("torch.")), points().to(dtype)
    assert (model.dtype, model.device.type, model.event_shape) == (dtype, "cpu", (2,))
    before = x.clone()
    with torch.no_grad():
        score = model.score(x, ZERO)
    assert (score.dtype, score.shape) == (dtype, x.shape)
    assert model.log_prob(x, ZERO).dtype == dtype
    assert not score.requires_grad
    assert not x.requires_grad
    assert torch.equal(x, before)
    torch.testing.assert_close(score[3:4], model.score(x[3:4], ZERO))


def test_a_function_of_the_data_is_known_at_level_zero_alone(mine: Callable[[str], str]) -> None:
    own = load(mine("def E(x, scale=2.0):\n    return scale * (x**2).sum(-1)\n"))
    torch.testing.assert_close(own.score(points(), ZERO), -4 * points())
    levels = torch.tensor([0.0, 0.1]).double()
    for model, name in ((own, "E"), (load("ring"), "ring")):
        told = f"energy: .*{name} is known at σ = 0 alone; use schedule: {{name: constant, sigma"
        for method in (model.score, model.log_prob, model.denoise):
            with pytest.raises(UserError, match=told):
                method(points(2), levels)


NOISY = """
def E(x, sigma):
    assert sigma.shape == x.shape[:1]
    return (x**2).flatten(1).sum(1) / (2 * (4 + sigma**2))
"""


def test_a_function_of_level_too_is_known_at_all_levels(mine: Callable[[str], str]) -> None:
    model = load(mine(NOISY), event_shape=[3, 2], value_range=[-1, 1])
    assert (model.event_shape, model.value_range) == ((3, 2), (-1, 1))
    x = points(12).reshape(4, 3, 2)
    for sigma in (ZERO, ZERO + 0.5, torch.tensor([0.0, 0.1, 3.0, 80.0]).double()):
        variance = (4 + sigma**2).reshape(-1, 1, 1)
        torch.testing.assert_close(model.score(x, sigma), -x / variance)
        torch.testing.assert_close(model.denoise(x, sigma), 4 * x / variance)


def test_log_prob_is_right_but_for_a_constant(mine: Callable[[str], str]) -> None:
    model, x = load(mine(NOISY)), points()
    truth: Any = MultivariateNormal(torch.zeros(2).double(), 5 * torch.eye(2).double())
    gap = truth.log_prob(x) - model.log_prob(x, ZERO + 1)
    torch.testing.assert_close(gap, torch.full_like(gap, -math.log(10 * math.pi)))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def E(): ...", r"must be a function E\(x\) or E\(x, sigma\)"),
        ("def E(x, sigma, t): ...", r"must be a function E\(x\) or E\(x, sigma\)"),
        ("E = 3", r"must be a function E\(x\) or E\(x, sigma\)"),
        ("def F(x): ...", "has no E; known: F"),
    ],
)
def test_unfit_functions_are_told(mine: Callable[[str], str], source: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        load(mine(source))


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("(x**2).sum()", r"gave shape \[\] for 3 samples, expected \[3\]"),
        ("x**2", r"gave shape \[3, 2\] for 3 samples"),
        ("None", r"gave NoneType for 3 samples, expected \[3\]"),
        ("(x.detach()**2).sum(1)", "can't be differentiated by torch"),
    ],
)
def test_unfit_results_are_told(mine: Callable[[str], str], result: str, told: str) -> None:
    model = load(mine(f"def E(x):\n    return {result}\n"))
    with pytest.raises(UserError, match=told):
        model.score(points(3), ZERO)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "parameter energy is required"),
        ({"energy": "two_moon"}, "expected double_well or ring or two_moons or module:name"),
        ({"energy": "ring", "event_shape": [3]}, "leave event_shape at"),
        ({"energy": "ring", "event_shape": []}, "event_shape: expected list of int > 0"),
    ],
)
def test_bad_parameters_are_told(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        scorebench.build("score_model", "energy", **parameters)


def test_chains_at_level_zero_find_both_wells() -> None:
    sampler = scorebench.build("sampler", "langevin", step_size=0.02, steps=400)
    x = scorebench.sample(load("double_well"), sampler, torch.tensor([0.0]), 400).x
    assert abs(float(x[:, 0].abs().mean()) - 1) < 0.1
    assert 0.35 < float((x[:, 0] > 0).double().mean()) < 0.65
