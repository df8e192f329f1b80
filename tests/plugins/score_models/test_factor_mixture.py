"""The fitted mixture against full covariances, and how it is fitted, cached and refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

import scorebench
from scorebench import ComponentSpec, Context, Data, Dataset, ParameterError, ScoreModel, UserError
from scorebench.plugin.component import Kind
from scorebench.plugin.host import Host
from scorebench.running.noise import StreamNoise
from scorebench_plugins.score_models import factor_analysis

SIGMAS = [0.0, 0.03, 0.5, 3.0, 80.0]


@dataclass(frozen=True, kw_only=True)
class Given(Dataset):
    """Samples that a test made."""

    data: Data

    def load(self, context: Context) -> Data:
        return self.data


class GivenHost(Host):
    """Knows one dataset."""

    def __init__(self, data: Data) -> None:
        super().__init__()
        self.data = data

    def build(self, kind: Kind, name: str, values: Mapping[str, Any]) -> Any:
        assert (kind, name) == ("dataset", "given")
        return Given(data=self.data)


def load(data: Data, cache: Path, dtype: str = "float64", **parameters: Any) -> Any:
    context = Context(
        dtype=dtype,
        host=GivenHost(data),
        default_dataset=ComponentSpec("given"),
        cache_dir=cache,
    )
    return scorebench.build("score_model", "factor_mixture", **parameters).load(context)


def images(count: int = 300, shape: tuple[int, ...] = (1, 4, 5)) -> Data:
    """Images around three templates, each varied along two directions."""
    generator = torch.Generator().manual_seed(0)
    d = math.prod(shape)
    templates = 128 + 50 * torch.randn(3, d, generator=generator)
    directions = 10 * torch.randn(3, 2, d, generator=generator)
    kind = torch.arange(count) % 3
    along = torch.randn(count, 1, 2, generator=generator)
    x = templates[kind] + (along @ directions[kind]).squeeze(1)
    x += 4 * torch.randn(count, d, generator=generator)
    return Data(x.clamp(0, 255).round().to(torch.uint8).reshape(count, *shape), None, (0, 255))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Any:
    cache = tmp_path_factory.mktemp("factors")

    def load(dtype: str) -> Any:
        context = Context(dtype=dtype, default_dataset=ComponentSpec("digits"), cache_dir=cache)
        return scorebench.build("score_model", "factor_mixture").load(context)

    return load


def dense(model: Any, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Log-density and score at x by full covariances, one level or one for each sample."""
    mixture = model.mixture
    bases, identity = mixture.bases, torch.eye(mixture.dimension, dtype=torch.float64)
    covariances = (bases * mixture.eigenvalues[:, None]) @ bases.mT
    noise = mixture.noise + sigma[..., None] ** 2
    normals = MultivariateNormal(
        mixture.means + model.centre.flatten(), covariances + noise[..., None, None] * identity
    )
    truth: Any = MixtureSameFamily(Categorical(mixture.weights.expand(noise.shape)), normals)
    flat = x.flatten(1).requires_grad_()
    log_prob = truth.log_prob(flat)
    (score,) = torch.autograd.grad(log_prob.sum(), flat)
    return log_prob.detach(), score.reshape(x.shape)


def relative(found: Tensor, expected: Tensor) -> float:
    """The largest error of a sample, relative to its length."""
    error, size = (found.double() - expected).flatten(1), expected.flatten(1)
    return float((error.norm(dim=1) / size.norm(dim=1)).max())


def near_digits(model: Any, count: int, sigma: float) -> Tensor:
    """Exact samples blurred by N(0, σ²I), float64."""
    noise = StreamNoise(0, range(count), model.event_shape, dtype=torch.float64)
    return model.draw(count, noise) + sigma * noise.normal()  # type: ignore[no-any-return]


@pytest.mark.parametrize("sigma", SIGMAS)
def test_equals_the_mixture_of_full_covariances(digits: Any, sigma: float) -> None:
    exact, single = digits("float64"), digits("float32")
    x, level = near_digits(exact, 40, sigma), torch.tensor(sigma, dtype=torch.float64)
    log_prob, score = dense(exact, x, level)
    denoised = x + sigma**2 * score
    assert relative(exact.score(x, level), score) < 1e-10
    assert relative(exact.denoise(x, level), denoised) < 1e-10
    torch.testing.assert_close(exact.log_prob(x, level), log_prob, rtol=1e-10, atol=1e-9)
    assert relative(single.score(x.float(), level), score) < 1e-4
    assert relative(single.denoise(x.float(), level), denoised) < 1e-4
    found = single.log_prob(x.float(), level).double()
    torch.testing.assert_close(found, log_prob, rtol=1e-5, atol=5e-3)


def test_a_level_for_each_sample(digits: Any) -> None:
    model = digits("float64")
    sigma = torch.tensor(SIGMAS, dtype=torch.float64)
    x = near_digits(model, 5, 1.0)
    log_prob, score = dense(model, x, sigma)
    assert relative(model.score(x, sigma), score) < 1e-10
    torch.testing.assert_close(model.log_prob(x, sigma), log_prob, rtol=1e-10, atol=1e-9)
    rows = [model.denoise(x[i : i + 1], sigma[i]) for i in range(5)]
    torch.testing.assert_close(model.denoise(x, sigma), torch.cat(rows), rtol=1e-12, atol=1e-12)


def test_score_and_denoiser_at_no_noise(digits: Any) -> None:
    model, zero = digits("float32"), torch.tensor(0.0)
    x = near_digits(digits("float64"), 10, 0.0).float()
    torch.testing.assert_close(model.denoise(x, zero), x)
    assert model.score(x, zero).isfinite().all()
    assert model.score(1e4 * x, zero).isfinite().all()


@given(sigma=st.floats(1e-2, 100), seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_tweedie_and_gradient_at_any_level(digits: Any, sigma: float, seed: int) -> None:
    model, level = digits("float64"), torch.tensor(sigma, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    x = (1 + sigma) * torch.randn(4, 1, 8, 8, generator=generator, dtype=torch.float64)
    score = model.score(x, level)
    tracked = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model.log_prob(tracked, level).sum(), tracked)
    assert relative(score, slope) < 1e-8
    tweedie = ScoreModel.denoise(model, x, level)  # x + σ²·score
    torch.testing.assert_close(model.denoise(x, level), tweedie, rtol=1e-8, atol=1e-8)


def test_draws_follow_the_mixture(digits: Any) -> None:
    count, model = 20_000, digits("float64")
    x = near_digits(model, count, 0.0).flatten(1)
    mixture, centre = model.mixture, model.centre.flatten()
    bases, means = mixture.bases, mixture.means + centre
    within = (bases * mixture.eigenvalues[:, None]) @ bases.mT
    within = within + mixture.noise[:, None, None] * torch.eye(64)
    second = within + means[:, :, None] * means[:, None]
    weights = mixture.weights
    # Six standard errors, estimated from the draws, for the worst of 64 and 4,096 numbers.
    error = (x.mean(0) - weights @ means).abs() / (x.std(0) / math.sqrt(count))
    assert error.max() < 6
    mean_square, mean_fourth = x.mT @ x / count, (x**2).mT @ x**2 / count
    spread = ((mean_fourth - mean_square**2) / count).sqrt()
    expected = (weights[:, None, None] * second).sum(0)
    assert ((mean_square - expected).abs() / spread).max() < 6
    # Integration by parts: E[(x − c)·∇log p(x)] = −d holds for exact draws alone.
    score = model.score(x.reshape(-1, 1, 8, 8), torch.tensor(0.0).double()).flatten(1)
    product = ((x - centre) * score).sum(1)
    assert abs(product.mean().item() + 64) < 5 * product.std().item() / math.sqrt(count)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_precision_and_range(dtype: torch.dtype, tmp_path: Path) -> None:
    data = images(120, (2, 2, 3))
    name = str(dtype).removeprefix("torch.")
    model = load(data, tmp_path, name, components=3, rank=2, value_range=[0, 1])
    assert (model.event_shape, model.value_range) == ((2, 2, 3), (0.0, 1.0))
    assert (model.dtype, model.device.type) == (dtype, "cpu")
    x = model.draw(7, StreamNoise(0, range(7), (2, 2, 3), dtype=dtype))
    assert (x.shape, x.dtype) == ((7, 2, 2, 3), dtype)
    for sigma in (torch.tensor(2.0).double(), torch.full((7,), 2.0).double()):
        for method in (model.score, model.denoise, model.log_prob):
            assert method(x, sigma).dtype == dtype
        assert model.score(x, sigma).shape == x.shape


def test_images_are_mapped_to_the_value_range(tmp_path: Path) -> None:
    data = images()
    wide, unit = (
        load(data, tmp_path, components=3, rank=2, value_range=r) for r in ((-1, 1), (0, 1))
    )
    torch.testing.assert_close(unit.centre, (data.x[:].double() / 255).mean(0))
    torch.testing.assert_close(wide.centre, 2 * unit.centre - 1)
    torch.testing.assert_close(wide.mixture.noise, 4 * unit.mixture.noise)
    # Four grey levels of noise, some of it clipped, and three templates along two directions.
    assert unit.mixture.noise.sqrt().mul(255).tolist() == pytest.approx([4, 4, 4], rel=0.1)
    assert unit.mixture.weights.tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("bounds", [None, (-5.0, 5.0)])
def test_other_samples_are_taken_as_they_are(
    bounds: tuple[float, float] | None, tmp_path: Path
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = 3 + torch.randn(200, 6, generator=generator)
    model = load(Data(x, None, bounds), tmp_path, components=1, rank=1)
    assert (model.event_shape, model.value_range) == ((6,), bounds)
    torch.testing.assert_close(model.centre, x.double().mean(0))


def test_fitted_once_and_always_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, state = images(), torch.get_rng_state()
    first = load(data, tmp_path / "one", components=3, rank=2)
    again = load(data, tmp_path / "two", components=3, rank=2)
    assert torch.equal(torch.get_rng_state(), state)

    def refuse(*_: Any) -> None:
        raise AssertionError("fitted a second time")

    monkeypatch.setattr(factor_analysis, "fit", refuse)
    cached = load(data, tmp_path / "one", components=3, rank=2)
    for other in (again, cached):
        for name in ("weights", "means", "bases", "eigenvalues", "noise"):
            assert torch.equal(getattr(other.mixture, name), getattr(first.mixture, name))
    for rank, seed in ((1, 0), (2, 1)):
        with pytest.raises(AssertionError, match="second time"):
            load(data, tmp_path / "one", components=3, rank=rank, seed=seed)


def test_a_dataset_can_be_named(tmp_path: Path) -> None:
    named = scorebench.build(
        "score_model", "factor_mixture", dataset={"name": "digits", "split": "train"}, rank=2
    )
    assert named.load(Context(cache_dir=tmp_path)).event_shape == (1, 8, 8)
    unnamed = scorebench.build("score_model", "factor_mixture")
    with pytest.raises(UserError, match="no dataset is given"):
        unnamed.load(Context(cache_dir=tmp_path))


@pytest.mark.parametrize(
    ("data", "parameters", "told"),
    [
        (images(100), {}, "20 components of rank 12 need 500 samples, the dataset has 100"),
        (images(100), {"rank": 20}, "rank 20 isn't below 20 dimensions"),
        (Data(torch.full((600, 20), 2.5)), {}, "samples that differ"),
        (Data(torch.full((600, 20), math.nan)), {}, "values that aren't finite"),
    ],
)
def test_unfit_datasets_are_told(
    data: Data, parameters: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=told):
        load(data, tmp_path, **parameters)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"components": 0}, "components: expected int > 0"),
        ({"rank": -1}, "rank: expected int ≥ 0"),
        ({"iterations": 0}, "iterations: expected int > 0"),
        ({"dataset": 3}, "dataset: 3: expected a name or a mapping"),
        ({"value_range": [1, 0]}, "lower bound must be below"),
        ({"ranks": 3}, "did you mean rank"),
    ],
)
def test_bad_parameters_are_told(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        scorebench.build("score_model", "factor_mixture", **parameters)
