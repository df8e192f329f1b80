"""The blurred dataset against all its distances, in bounded memory and at any noise level."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import scorebench
from scorebench import ComponentSpec, Context, Data, ScoreModel, UserError
from scorebench.running.noise import StreamNoise

SIGMAS = [1e-4, 1e-2, 0.1, 0.5, 2.0, 80.0]


class Holding(Context):
    """Knows one dataset."""

    def __init__(self, data: Data, dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.data = data

    def dataset(self, spec: ComponentSpec | None = None) -> Data:
        return self.data


def load(data: Data | Tensor, dtype: str = "float64", **parameters: Any) -> Any:
    data = data if isinstance(data, Data) else Data(data)
    return scorebench.build("score_model", "empirical", **parameters).load(Holding(data, dtype))


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def level(sigma: float) -> Tensor:
    return torch.tensor(sigma, dtype=torch.float64)


def dense(y: Tensor, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Denoiser and log-density from every difference x − y, float64."""
    away = (x[:, None] - y).double()
    variance = sigma.double().expand(len(x))[:, None] ** 2
    exponents = -away.flatten(2).square().sum(2) / (2 * variance)
    mean = torch.einsum("bn,n...->b...", exponents.softmax(1), y.double())
    constant = y[0].numel() / 2 * (2 * math.pi * variance).log() + math.log(len(y))
    return mean, (exponents.logsumexp(1, keepdim=True) - constant).squeeze(1)


def near_ties(y: Tensor, sigma: float, count: int = 20) -> Tensor:
    """Midpoints of pairs of points, blurred a little: where the weights are hardest to tell."""
    return (y[:count] + y[count : 2 * count]) / 2 + sigma * normal(count, *y.shape[1:], seed=1)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("block", [1, 7, 100, 5000])
def test_equals_the_weighted_mean_of_all_points(sigma: float, block: int) -> None:
    y = normal(100, 2, 3)
    model, x = load(y, block=block), near_ties(y, sigma)
    mean, log_prob = dense(y, x, level(sigma))
    torch.testing.assert_close(model.denoise(x, level(sigma)), mean, rtol=0, atol=1e-6 * sigma)
    torch.testing.assert_close(model.denoise(x, level(sigma)), mean, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(model.log_prob(x, level(sigma)), log_prob, rtol=1e-10, atol=1e-10)
    expected = (mean - x) / sigma**2
    torch.testing.assert_close(model.score(x, level(sigma)), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("sigma", SIGMAS)
def test_float32_gives_the_weight_to_the_right_points(sigma: float, offset: float) -> None:
    y = normal(300, 1000).clamp(-1, 1).float() + offset
    model, x = load(y, "float32"), near_ties(y, sigma).float()
    mean, _ = dense(y, x, level(sigma))
    found = model.denoise(x, level(sigma))
    assert found.dtype == torch.float32
    assert float((found - mean).abs().max()) < 2e-5
    score = (mean - x) / sigma**2
    error = (model.score(x, level(sigma)) - score).norm(dim=1) / score.norm(dim=1)
    assert float(error.max()) < 2e-5


@pytest.mark.parametrize(("dtype", "rounding"), [("float16", 1e-3), ("bfloat16", 8e-3)])
@pytest.mark.parametrize("sigma", [0.02, 0.5, 30.0])
def test_half_precision_rounds_the_result_alone(dtype: str, rounding: float, sigma: float) -> None:
    y = normal(3000, 20).clamp(-1, 1)
    model = load(y, dtype, block=100)
    x = near_ties(y, sigma).to(model.dtype)
    found = model.denoise(x, torch.tensor(sigma))
    assert found.dtype == model.score(x, torch.tensor(sigma)).dtype == model.dtype
    assert model.draw(4, StreamNoise(0, range(4), (20,))).dtype == model.dtype
    mean, _ = dense(y, x.double(), level(sigma))
    assert float((found.double() - mean).abs().max()) < rounding


def test_a_level_for_each_sample() -> None:
    y, sigma = normal(50, 4), torch.tensor(SIGMAS, dtype=torch.float64)
    model, x = load(y, block=20), normal(len(SIGMAS), 4, seed=1)
    mean, log_prob = dense(y, x, sigma)
    torch.testing.assert_close(model.denoise(x, sigma), mean)
    torch.testing.assert_close(model.log_prob(x, sigma), log_prob)
    for i in range(len(x)):
        alone = model.score(x[i : i + 1], sigma[i])
        torch.testing.assert_close(model.score(x, sigma)[i : i + 1], alone)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tiny", [1e-15, 1e-30, 1e-40])
def test_without_noise_it_is_the_nearest_point_and_with_much_the_mean(
    dtype: str, tiny: float
) -> None:
    y = normal(200, 5).float()
    model, x = load(y, dtype, block=64), (100 * normal(30, 5, seed=1)).to(getattr(torch, dtype))
    nearest = y[torch.cdist(x.double(), y.double()).argmin(1)].to(x)
    for there in (x, nearest):
        found = model.denoise(there, torch.tensor(tiny, dtype=x.dtype))
        torch.testing.assert_close(found, nearest, rtol=0, atol=3e-7)
    far = model.denoise(x, level(1e6))
    torch.testing.assert_close(far, y.mean(0).to(x).expand(30, 5), rtol=0, atol=1e-6)


def test_the_centre_is_rounded_once() -> None:
    y = normal(40, 3).float() + 1e5  # float32 is 0.008 apart here
    mean = load(y, "float32").denoise(y[:4], level(1e-6))
    assert torch.equal(mean, y[:4])


@given(sigma=st.floats(1e-2, 100), seed=st.integers(0, 10**6), block=st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_score_is_the_slope_of_log_prob_at_any_level(sigma: float, seed: int, block: int) -> None:
    model = load(normal(50, 3), block=block)
    x = ((1 + sigma) * normal(4, 3, seed=seed)).requires_grad_()
    (slope,) = torch.autograd.grad(model.log_prob(x, level(sigma)).sum(), x)
    with torch.no_grad():
        score = model.score(x, level(sigma))
        tweedie = ScoreModel.denoise(model, x, level(sigma))
        torch.testing.assert_close(model.denoise(x, level(sigma)), tweedie, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(score, slope, rtol=1e-7, atol=1e-8)


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remembers the largest tensor that is made."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor):
            self.numbers = max(self.numbers, made.numel())
        return made


@pytest.mark.parametrize("count", [500, 5000])
def test_memory_does_not_grow_with_the_data(count: int) -> None:
    model, x = load(normal(count, 10), block=32), normal(40, 10, seed=1)
    with Largest() as watched:  # type: ignore[no-untyped-call]
        model.score(x, level(0.5))
    assert 0 < watched.numbers <= 40 * 32


def test_no_data_point_at_level_zero_has_a_score() -> None:
    model, x = load(normal(5, 2)), normal(3, 2)
    for sigma in (level(0), torch.tensor([1.0, 0.0, 1.0])):
        for method in (model.score, model.denoise, model.log_prob):
            with pytest.raises(UserError, match="no score at σ = 0; end the schedule above 0"):
                method(x, sigma)


def test_draws_are_points_each_as_likely() -> None:
    y = normal(7, 2, 2)
    model = load(y)
    x = model.draw(7000, StreamNoise(0, range(7000), (2, 2), dtype=torch.float64))
    distance = (x[:, None] - y).flatten(2).norm(dim=2)
    assert float(distance.amin(1).max()) < 1e-12
    counts = distance.argmin(1).bincount(minlength=7)
    chi_square = float(((counts - 1000) ** 2 / 1000).sum())
    assert chi_square < 30  # 6 degrees of freedom: one in 25,000
    assert torch.equal(model.draw(9, StreamNoise(0, range(9), (2, 2), dtype=torch.float64)), x[:9])


def test_images_are_mapped_to_the_value_range() -> None:
    pixels = torch.arange(0, 256, 15, dtype=torch.uint8).reshape(3, 1, 2, 3)
    data = Data(pixels, None, (0, 255))
    unit, wide = load(data, value_range=[0, 1]), load(data)
    assert (unit.value_range, wide.value_range) == ((0, 1), (-1, 1))
    assert (unit.event_shape, unit.dtype) == ((1, 2, 3), torch.float64)
    near = wide.denoise(pixels.double() / 127.5 - 1, level(1e-3))
    torch.testing.assert_close(near, pixels.double() / 127.5 - 1)
    near = unit.denoise(pixels.double() / 255, level(1e-3))
    torch.testing.assert_close(near, pixels.double() / 255)


def test_other_samples_are_taken_as_they_are() -> None:
    assert load(Data(normal(9, 3), None, (-9.0, 9.0))).value_range == (-9, 9)
    assert load(Data(normal(9, 3))).value_range is None


def test_a_subset_is_chosen_by_its_seed() -> None:
    y = normal(5000, 2)
    subsets = [load(y, subset=1500, seed=seed) for seed in (0, 0, 1)]
    points = [model.points + model.centre for model in subsets]
    for found in points:
        distance = torch.cdist(found, y)
        assert float(distance.amin(1).max()) < 1e-6
        assert len(set(distance.argmin(1).tolist())) == 1500
    assert torch.equal(points[0], points[1])
    assert not torch.allclose(points[0], points[2])


def test_leaves_the_random_state_and_the_input_alone() -> None:
    state = torch.get_rng_state()
    model, x = load(normal(30, 2), subset=10), normal(4, 2)
    before = x.clone()
    model.score(x, level(1.0))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("data", "parameters", "told"),
    [
        (normal(4, 2), {"subset": 5}, "5 samples are needed, the dataset has 4"),
        (normal(0, 2), {}, "1 samples are needed, the dataset has 0"),
        (torch.full((4, 2), math.nan), {}, "values that aren't finite"),
    ],
)
def test_unfit_datasets_are_told(data: Tensor, parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        load(data, **parameters)
