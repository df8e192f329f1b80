"""The exact Gaussian against torch.distributions, autograd and the laws of its closed forms."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import MultivariateNormal

import scorebench
from scorebench import ParameterError, ScoreModel
from scorebench.running.noise import StreamNoise

COVARIANCE = [[2.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 0.5]]
MEAN = [1.0, -2.0, 0.5]
SIGMAS = [0.0, 0.01, 0.7, 50.0]


def load(dtype: str = "float64", **parameters: Any) -> Any:
    return scorebench.load("score_model", "gaussian", dtype=dtype, **parameters)


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def gradient(model: Any, x: Tensor, sigma: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    (found,) = torch.autograd.grad(model.log_prob(x, sigma).sum(), x)
    return found


@pytest.mark.parametrize("sigma", SIGMAS)
def test_density_is_that_of_the_blurred_gaussian(sigma: float) -> None:
    model = load(mean=MEAN, covariance=COVARIANCE)
    blurred = double(COVARIANCE) + sigma**2 * torch.eye(3).double()
    truth: Any = MultivariateNormal(double(MEAN), blurred)
    x = 3 * random(20, 3)
    level = double(sigma)
    torch.testing.assert_close(model.log_prob(x, level), truth.log_prob(x), rtol=1e-12, atol=1e-12)
    expected = -torch.linalg.solve(blurred, (x - double(MEAN)).mT).mT
    torch.testing.assert_close(model.score(x, level), expected, rtol=1e-11, atol=1e-11)


@given(
    seed=st.integers(0, 10**6),
    dimension=st.integers(1, 6),
    levels=st.lists(st.floats(1e-2, 100), min_size=4, max_size=4),
)
@settings(max_examples=30, deadline=None)
def test_laws_hold_for_any_covariance_and_levels(
    seed: int, dimension: int, levels: list[float]
) -> None:
    root = random(dimension, dimension, seed=seed)
    covariance = root @ root.mT
    mean = random(dimension, seed=seed + 1)
    model = load(mean=mean.tolist(), covariance=covariance.tolist())
    x, sigma = 2 * random(4, dimension, seed=seed + 2), double(levels)
    score = model.score(x, sigma)
    torch.testing.assert_close(score, gradient(model, x, sigma), rtol=1e-7, atol=1e-7)
    tweedie = ScoreModel.denoise(model, x, sigma)  # x + σ²·score
    scale = 1e-10 * (1 + sigma.max().item())
    torch.testing.assert_close(model.denoise(x, sigma), tweedie, rtol=1e-8, atol=scale)
    for row, level in enumerate(sigma):
        one = slice(row, row + 1)
        torch.testing.assert_close(model.score(x[one], level), score[one], rtol=1e-9, atol=1e-9)
        assert model.log_prob(x[one], level).item() == pytest.approx(
            model.log_prob(x, sigma)[row].item()
        )


def test_a_single_number_stands_for_all_dimensions() -> None:
    x, sigma = random(5, 3), double(0.4)
    same = [
        load(mean=2.0, std=[0.5, 0.5, 0.5]),
        load(mean=[2.0, 2.0, 2.0], std=0.5),
        load(mean=2.0, covariance=[[0.25, 0, 0], [0, 0.25, 0], [0, 0, 0.25]]),
    ]
    for model in same:
        assert model.event_shape == (3,)
        torch.testing.assert_close(model.score(x, sigma), -(x - 2) / (0.25 + 0.16))
    assert load().event_shape == (1,)
    assert load().score(torch.ones(1, 1).double(), torch.zeros(()).double()).item() == -1


@pytest.mark.parametrize("sigma", [0.0, 1e-30, 1e-3, 1.0])
def test_a_point_mass_denoises_to_itself(sigma: float) -> None:
    model = load(mean=MEAN, std=0.0)
    denoised = model.denoise(random(4, 3), double(sigma))
    torch.testing.assert_close(denoised, double(MEAN).expand(4, 3))
    flat = load(covariance=[[1.0, 1.0], [1.0, 1.0]])  # a line: only its own direction is kept
    x = double([[3.0, 1.0]])
    kept = 2 * 2 / (2 + sigma**2)
    torch.testing.assert_close(flat.denoise(x, double(sigma)), torch.full((1, 2), kept).double())


def test_draws_have_the_mean_and_covariance() -> None:
    count = 20_000
    model = load(mean=MEAN, covariance=COVARIANCE)
    x = model.draw(count, StreamNoise(0, range(count), (3,), dtype=torch.float64))
    assert x.shape == (count, 3)
    truth = double(COVARIANCE)
    # Five standard errors: Var[mean] = Σᵢᵢ/N, Var[Σ̂ᵢⱼ] = (Σᵢᵢ·Σⱼⱼ + Σᵢⱼ²)/N.
    variances = truth.diagonal()
    error = (x.mean(0) - double(MEAN)).abs()
    assert (error < 5 * (variances / count).sqrt()).all()
    spread = (variances[:, None] * variances + truth**2) / count
    assert ((x.mT.cov() - truth).abs() < 5 * spread.sqrt()).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_and_range_are_kept(dtype: torch.dtype) -> None:
    model = load(str(dtype).removeprefix("torch."), mean=MEAN, value_range=[-1, 1])
    x = random(4, 3).to(dtype)
    assert (model.dtype, model.device.type, model.value_range) == (dtype, "cpu", (-1.0, 1.0))
    for sigma in (double(2.0), torch.full((4,), 2.0).double()):
        for method in (model.score, model.denoise, model.log_prob):
            assert method(x, sigma).dtype == dtype


def test_float32_is_accurate_at_all_levels() -> None:
    exact, single = (load(d, mean=MEAN, covariance=COVARIANCE) for d in ("float64", "float32"))
    for sigma in SIGMAS:
        x = random(50, 3) * math.sqrt(1 + sigma**2)
        level = torch.tensor(sigma)
        torch.testing.assert_close(
            single.score(x.float(), level).double(), exact.score(x, level), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"mean": []}, "mean: expected"),
        ({"mean": [math.nan]}, "mean: expected"),
        ({"std": -1}, "std: expected float ≥ 0"),
        ({"mean": [1, 2, 3], "std": [1, 2]}, "mean has 3 and std has 2"),
        ({"mean": [1], "covariance": [[1, 0], [0, 1]]}, "mean has 1 and covariance has 2"),
        ({"std": 1, "covariance": [[1]]}, "std or covariance, not both"),
        ({"covariance": [[1, 0]]}, "1 rows of 1 numbers"),
        ({"covariance": [[1, 2], [0, 1]]}, "not symmetric"),
        ({"covariance": [[1, 2], [2, 1]]}, "not positive semi-definite: it has the eigenvalue -1"),
        ({"value_range": [1, -1]}, "lower bound must be below"),
    ],
)
def test_bad_parameters_are_told(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        scorebench.build("score_model", "gaussian", **parameters)
