"""Objectives against closed forms, slow versions and each other."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from scorebench.train import objectives

WIDE = torch.float64


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=WIDE)


def linear(slope: float) -> Callable[[Tensor, Tensor], Tensor]:
    """The score −slope·x of N(0, 1/slope)."""
    return lambda x, sigma: -slope * x


class Net(nn.Module):
    """A smooth network of three numbers; deterministic."""

    def __init__(self, dimension: int = 3) -> None:
        super().__init__()
        self.inner = nn.Linear(dimension, 7).to(WIDE)
        self.outer = nn.Linear(7, dimension).to(WIDE)
        for i, parameter in enumerate(self.parameters()):
            parameter.data = normal(*parameter.shape, seed=i) / 2

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.outer(torch.tanh(self.inner(x)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("dimension", [1, 5])
@pytest.mark.parametrize(("s", "sigma"), [(1.0, 0.1), (1.0, 1.0), (0.3, 2.0), (2.0, 0.5)])
def test_weighted_dsm_at_the_optimum_of_a_gaussian(s: float, sigma: float, dimension: int) -> None:
    """½·s²/(s² + σ²) per dimension; a missing ½ or σ² would be off by far more than 1 %."""
    count = 400_000 // dimension
    x0, z = s * normal(count, dimension, seed=1), normal(count, dimension, seed=2)
    level = torch.full((count,), sigma, dtype=WIDE)
    losses = objectives.ncsn(linear(1 / (s**2 + sigma**2)), x0, level, z) / dimension
    expected = s**2 / (s**2 + sigma**2) / 2
    error = 5 * float(losses.std()) / math.sqrt(count)
    assert float(losses.mean()) == pytest.approx(expected, abs=error)
    assert error < expected / 50


@settings(deadline=None)
@given(
    s=st.floats(0.1, 5),
    t=st.floats(0.1, 5),
    weighting=st.sampled_from(["none", "sigma", "sigma_squared"]),
)
def test_losses_of_a_linear_score_sample_by_sample(s: float, t: float, weighting: str) -> None:
    """On vectors, s_θ = −x/t² and ∇log p = −x/s²: every objective is a polynomial of the batch."""
    x, z = normal(4, 2, 3, seed=3), normal(4, 2, 3, seed=4)
    level = torch.tensor([0.2, 0.5, 1.0, 3.0], dtype=WIDE)
    score, square = linear(1 / t**2), x.square().sum((1, 2))
    fisher = objectives.fisher_divergence(score, -x / s**2, x, level)
    torch.testing.assert_close(fisher, (1 / s**2 - 1 / t**2) ** 2 * square / 2)
    implicit = objectives.implicit(score, x, level)
    torch.testing.assert_close(implicit, -6 / t**2 + square / t**4 / 2)
    direction = normal(4, 2, 3, seed=5)
    sliced = objectives.sliced(score, x, level, direction)
    along = direction.square().sum((1, 2)) / t**2
    torch.testing.assert_close(sliced, -along + square / t**4 / 2)
    noisy = x + level[:, None, None] * z
    residual = -noisy / t**2 + z / level[:, None, None]
    dsm = residual.square().sum((1, 2)) / 2
    torch.testing.assert_close(objectives.dsm(score, x, level, z), dsm)
    factor = {"none": 1 + 0 * level, "sigma": level, "sigma_squared": level**2}[weighting]
    weighted = objectives.ncsn(score, x, level, z, weighting=weighting)  # type: ignore[arg-type]
    torch.testing.assert_close(weighted, factor * dsm)


def test_the_trace_is_that_of_the_jacobian() -> None:
    net, x, level = Net(), normal(5, 3, seed=6), torch.ones(5, dtype=WIDE)
    traces = [torch.autograd.functional.jacobian(lambda y: net(y, level), row) for row in x]
    expected = torch.stack([j.trace() for j in traces]) + net(x, level).square().sum(1) / 2
    torch.testing.assert_close(objectives.implicit(net, x, level), expected)


def test_slices_along_all_axes_make_the_trace() -> None:
    net, x, level = Net(), normal(5, 3, seed=6), torch.ones(5, dtype=WIDE)
    axes = math.sqrt(3) * torch.eye(3, dtype=WIDE)
    slices = [objectives.sliced(net, x, level, axis.expand(5, 3)) for axis in axes]
    mean = torch.stack(slices).mean(0)
    torch.testing.assert_close(mean, objectives.implicit(net, x, level))


def gradient(loss: Tensor, net: Net) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])


@pytest.mark.parametrize("sigma", [0.3, 1.0, 4.0])
def test_dsm_implicit_and_explicit_matching_have_one_gradient(sigma: float) -> None:
    """Of p_σ, a mixture of Gaussians around the data; expectations by the trapezoid rule."""
    nodes = torch.linspace(-9, 9, 2001, dtype=WIDE)
    weights = (-nodes.square() / 2).exp()
    data = torch.tensor([-1.5, 0.2, 0.9], dtype=WIDE)
    x0 = data.repeat_interleave(len(nodes))[:, None]
    z = nodes.repeat(len(data))[:, None]
    mass = weights.repeat(len(data)) / weights.sum() / len(data)
    x, level = x0 + sigma * z, torch.full((len(x0),), sigma, dtype=WIDE)
    inside = -(x - data).square() / (2 * sigma**2)
    truth = ((data - x) / sigma**2 * inside.softmax(1)).sum(1, keepdim=True)
    net = Net(1)
    explicit = gradient(mass @ objectives.fisher_divergence(net, truth, x, level), net)
    denoising = gradient(mass @ objectives.dsm(net, x0, level, z), net)
    implicit = gradient(mass @ objectives.implicit(net, x, level), net)
    torch.testing.assert_close(denoising, explicit, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(implicit, explicit, rtol=1e-6, atol=1e-8)
    assert explicit.norm() > 1e-2


@settings(deadline=None)
@given(sigma_data=st.floats(0.1, 3))
def test_edm_is_dsm_with_another_weight(sigma_data: float) -> None:
    """D − x₀ = σ²(s + z/σ) by Tweedie's formula, so λ‖D − x₀‖² = 2λσ⁴·DSM."""
    x0, z = normal(4, 3, seed=7), normal(4, 3, seed=8)
    level = torch.tensor([0.01, 0.5, 1.0, 30.0], dtype=WIDE)
    net = Net()

    def denoiser(x: Tensor, sigma: Tensor) -> Tensor:
        return x + sigma[:, None] ** 2 * net(x, sigma)

    found = objectives.edm(denoiser, x0, level, z, sigma_data=sigma_data)
    weight = (level**2 + sigma_data**2) / (level * sigma_data) ** 2
    expected = 2 * weight * level**4 * objectives.dsm(net, x0, level, z)
    torch.testing.assert_close(found, expected)


def test_losses_with_derivatives_can_be_differentiated_and_leave_their_input_alone() -> None:
    net, x, level = Net(), normal(5, 3, seed=6), torch.ones(5, dtype=WIDE)
    for loss in (
        objectives.implicit(net, x, level),
        objectives.sliced(net, x, level, normal(5, 3, seed=9)),
    ):
        assert gradient(loss.mean(), net).isfinite().all()
        assert not x.requires_grad
