"""The exact mixture against torch.distributions, autograd and limits that are known."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

import scorebench
from scorebench import Noise, ParameterError, ScoreModel
from scorebench.running.noise import StreamNoise

MEANS = [[-2.0, 0.0], [1.5, 1.0], [2.0, -1.0]]
WEIGHTS = [1.0, 2.0, 5.0]
COVARIANCES = [[[1.0, 0.3], [0.3, 0.2]], [[0.5, 0.0], [0.0, 0.1]], [[0.4, -0.2], [-0.2, 0.3]]]
STDS = [0.3, 0.8, 0.5]
SHAPES: list[dict[str, Any]] = [{"stds": STDS}, {"covariances": COVARIANCES}]


def load(dtype: str = "float64", **parameters: Any) -> Any:
    return scorebench.load("score_model", "gaussian_mixture", dtype=dtype, **parameters)


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def truth(sigma: float, **shape: Any) -> Any:
    given = shape.get("covariances") or [[[s**2, 0.0], [0.0, s**2]] for s in shape["stds"]]
    blurred = double(given) + sigma**2 * torch.eye(2).double()
    normals = MultivariateNormal(double(MEANS), blurred)
    return MixtureSameFamily(Categorical(double(WEIGHTS)), normals)


@pytest.mark.parametrize("sigma", [0.0, 0.05, 1.0, 50.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_density_score_and_denoiser_are_those_of_the_blurred_mixture(
    shape: dict[str, Any], sigma: float
) -> None:
    model = load(means=MEANS, weights=WEIGHTS, **shape)
    x = (3 * random(50, 2)).requires_grad_()
    level = double(sigma)
    log_prob = truth(sigma, **shape).log_prob(x)
    (expected,) = torch.autograd.grad(log_prob.sum(), x)
    x = x.detach()
    torch.testing.assert_close(model.log_prob(x, level), log_prob, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(model.score(x, level), expected, rtol=1e-9, atol=1e-9)
    tweedie = x + sigma**2 * expected
    torch.testing.assert_close(model.denoise(x, level), tweedie, rtol=1e-8, atol=1e-8)


@given(
    seed=st.integers(0, 10**6),
    components=st.integers(1, 5),
    dimension=st.integers(1, 4),
    levels=st.lists(st.floats(0.05, 100), min_size=3, max_size=3),
)
@settings(max_examples=30, deadline=None)
def test_laws_hold_for_any_mixture_and_levels(
    seed: int, components: int, dimension: int, levels: list[float]
) -> None:
    roots = random(components, dimension, dimension, seed=seed)
    model = load(
        means=random(components, dimension, seed=seed + 1).tolist(),
        weights=random(components, seed=seed + 2).exp().tolist(),
        covariances=(roots @ roots.mT).tolist(),
    )
    x, sigma = 2 * random(3, dimension, seed=seed + 3), double(levels)
    score = model.score(x, sigma)
    tracked = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model.log_prob(tracked, sigma).sum(), tracked)
    torch.testing.assert_close(score, slope, rtol=1e-7, atol=1e-7)
    tweedie = ScoreModel.denoise(model, x, sigma)  # x + σ²·score
    torch.testing.assert_close(model.denoise(x, sigma), tweedie, rtol=1e-7, atol=1e-7)
    rows = [model.score(x[i : i + 1], sigma[i]) for i in range(3)]
    torch.testing.assert_close(torch.cat(rows), score, rtol=1e-9, atol=1e-9)


def test_one_component_is_a_gaussian() -> None:
    mixture = load(means=[[1.0, 2.0]], covariances=[[[2.0, 0.5], [0.5, 1.0]]])
    gaussian: Any = scorebench.load(
        "score_model", "gaussian", dtype="float64", mean=[1, 2], covariance=[[2, 0.5], [0.5, 1]]
    )
    x, sigma = random(10, 2), double(0.3)
    for method in ("score", "denoise", "log_prob"):
        torch.testing.assert_close(
            getattr(mixture, method)(x, sigma), getattr(gaussian, method)(x, sigma)
        )


@pytest.mark.parametrize("sigma", [1e-3, 1e-2, 0.5])
def test_point_masses_denoise_to_a_softmax_of_distances(sigma: float) -> None:
    model = load("float32", means=MEANS, stds=[0.0, 0.0, 0.0])
    means, x = double(MEANS), 2 * random(50, 2)
    share = (-((x[:, None] - means) ** 2).sum(-1) / (2 * sigma**2)).softmax(-1)
    denoised = model.denoise(x.float(), torch.tensor(sigma))
    torch.testing.assert_close(denoised.double(), share @ means, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [*SHAPES, {"stds": [0.0, 0.0, 0.0]}])
@pytest.mark.parametrize("far", [1e3, 1e8])
def test_far_away_the_score_is_finite_and_points_back(shape: dict[str, Any], far: float) -> None:
    model = load("float32", means=MEANS, weights=WEIGHTS, **shape)
    x = far * torch.tensor([[1.0, 0.2], [-1.0, 0.3], [0.1, -1.0]])
    for sigma in (torch.tensor(1e-3), torch.tensor([1e-3, 1.0, 100.0])):
        score = model.score(x, sigma)
        assert score.isfinite().all()
        assert ((score * x).sum(1) < 0).all()
        assert model.denoise(x, sigma).isfinite().all()
        assert model.log_prob(x, sigma).isfinite().all()


class Fixed(Noise):
    """No spread, and uniform numbers that are given: each row's first is its own, others 0.999."""

    def __init__(self, first: list[float]) -> None:
        self.first = torch.tensor(first)

    def normal(self) -> Tensor:
        return torch.zeros(len(self.first), 2).double()

    def uniform(self) -> Tensor:
        return torch.stack([self.first, torch.full_like(self.first, 0.999)], 1).double()


@pytest.mark.parametrize("shape", SHAPES)
def test_draw_picks_components_by_one_uniform_number(shape: dict[str, Any]) -> None:
    model = load(means=MEANS, weights=WEIGHTS, **shape)  # thresholds at 1/8 and 3/8
    x = model.draw(6, Fixed([0.0, 0.1249, 0.125, 0.374, 0.375, 0.9999999]))
    expected = torch.tensor([MEANS[k] for k in (0, 0, 1, 1, 2, 2)]).double()
    torch.testing.assert_close(x, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_draws_follow_the_mixture(shape: dict[str, Any]) -> None:
    count = 20_000
    model = load(means=MEANS, weights=WEIGHTS, **shape)
    x = model.draw(count, StreamNoise(0, range(count), (2,), dtype=torch.float64))
    weights, means = double(WEIGHTS) / 8, double(MEANS)
    spread = double(
        COVARIANCES if "covariances" in shape else [[[s * s, 0], [0, s * s]] for s in STDS]
    )
    second = (weights[:, None, None] * (spread + means[:, :, None] * means[:, None])).sum(0)
    # Five standard errors, estimated from the draws themselves.
    for drawn, expected in ((x, weights @ means), (x[:, :, None] * x[:, None], second)):
        error = drawn.std(0) / math.sqrt(count)
        assert ((drawn.mean(0) - expected).abs() < 5 * error).all()


def test_defaults_and_precision() -> None:
    model = load("float32", means=[[0.0], [4.0]], value_range=[0, 4])
    assert (model.event_shape, model.value_range, model.dtype) == ((1,), (0.0, 4.0), torch.float32)
    middle = torch.tensor([[2.0]])
    assert model.score(middle, torch.tensor(1.0)).item() == pytest.approx(0, abs=1e-6)
    density = math.exp(-2) / math.sqrt(2 * math.pi)  # equal weights, unit variances
    assert model.log_prob(middle, torch.tensor(0.0)).item() == pytest.approx(math.log(density))
    for sigma in (double(2.0), torch.full((1,), 2.0).double()):
        for method in (model.score, model.denoise, model.log_prob):
            assert method(middle, sigma).dtype == torch.float32


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "parameter means is required"),
        ({"means": []}, "means: expected"),
        ({"means": [[0, 0], [1]]}, "same length"),
        ({"means": [[0], [1]], "weights": [1]}, "weights has 1 entries for 2 means"),
        ({"means": [[0], [1]], "weights": [1, 0]}, "weights: expected list of float > 0"),
        ({"means": [[0], [1]], "stds": [1, -1]}, "stds: expected list of float ≥ 0"),
        ({"means": [[0], [1]], "stds": [1, 1, 1]}, "stds has 3 entries"),
        ({"means": [[0]], "stds": [1], "covariances": [[[1]]]}, "stds or covariances, not both"),
        (
            {"means": [[0]], "covariances": [[[1, 0], [0, 1]]]},
            "means have 1 and a covariance has 2",
        ),
        ({"means": [[0, 0]], "covariances": [[[1, 2], [2, 1]]]}, "not positive semi-definite"),
        ({"means": [[0]], "value_range": [1, 1]}, "lower bound must be below"),
    ],
)
def test_bad_parameters_are_told(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        scorebench.build("score_model", "gaussian_mixture", **parameters)
