from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from scorebench import (
    Data,
    Dataset,
    FeatureExtractor,
    Metric,
    Noise,
    NoiseSchedule,
    Reading,
    Sampler,
    ScoreModel,
    per_sample,
)
from scorebench.plugin.contracts import Init
from tests.conftest import Python

laws = settings(max_examples=100, deadline=None)
VARIANCE = 4.0
MEAN = 3.0


class Scored(ScoreModel):
    """N(3, 4) in every coordinate, by its score."""

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return (MEAN - x) / (VARIANCE + per_sample(sigma, x) ** 2)


class Denoised(ScoreModel):
    """The same, by its denoiser."""

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        noise = per_sample(sigma, x) ** 2
        return (VARIANCE * x + noise * MEAN) / (VARIANCE + noise)


class Ones(Noise):
    def normal(self) -> Tensor:
        return torch.full((2, 3), 1.0)

    def uniform(self) -> Tensor:
        return torch.full((2, 3), 0.75)


sigmas = st.floats(0.01, 100) | st.lists(st.floats(0.01, 100), min_size=5, max_size=5)


@laws
@given(sigmas)
def test_score_and_denoise_give_each_other(given_sigma: float | list[float]) -> None:
    x = torch.linspace(-10, 10, 5 * 2 * 3, dtype=torch.float64).reshape(5, 2, 3)
    sigma = torch.tensor(given_sigma, dtype=torch.float64)
    by_score, by_denoiser = Scored(), Denoised()
    torch.testing.assert_close(by_score.denoise(x, sigma), by_denoiser.denoise(x, sigma))
    torch.testing.assert_close(
        by_denoiser.score(x, sigma), by_score.score(x, sigma), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("model", [Scored(), Denoised()])
def test_each_sample_has_the_noise_level_of_its_own(model: ScoreModel) -> None:
    x = torch.linspace(-1, 1, 6).reshape(2, 3)
    levels = torch.tensor([0.5, 8.0])
    for method in (model.score, model.denoise):
        together = method(x, levels)
        one_by_one = [method(x[i : i + 1], levels[i]) for i in range(2)]
        torch.testing.assert_close(together, torch.cat(one_by_one))


def test_a_score_model_must_implement_one_of_both() -> None:
    with pytest.raises(TypeError, match="Neither must implement score or denoise"):
        type("Neither", (ScoreModel,), {})


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 3, 8, 8)])
def test_noise_levels_multiply_a_batch_of_any_shape(shape: tuple[int, ...]) -> None:
    x = torch.ones(shape)
    scaled = per_sample(torch.arange(4.0), x) * x
    assert scaled.shape == x.shape
    assert all((scaled[i] == i).all() for i in range(4))
    assert per_sample(torch.tensor(2.0), x).shape == ()


@pytest.mark.parametrize(
    ("init", "value_range", "expected"),
    [
        ("normal", None, 5.0),
        ("normal", (-1.0, 3.0), 5.0),
        ("uniform", None, 0.75),
        ("uniform", (-1.0, 3.0), 2.0),
    ],
)
def test_a_sampler_starts_from_noise_or_uniformly(
    init: Init, value_range: tuple[float, float] | None, expected: float
) -> None:
    model = Scored()
    model.value_range = value_range
    sigma = torch.tensor(5.0, dtype=torch.float64)
    start = Sampler.start(model, sigma, Ones(), init)
    assert start.dtype == torch.float32
    assert torch.equal(start, torch.full((2, 3), expected))


def test_samplers_start_from_noise_unless_told() -> None:
    start = Sampler.start(Scored(), torch.tensor(2.0), Ones())
    assert torch.equal(start, torch.full((2, 3), 2.0))


@laws
@given(st.integers(0, 50), st.integers(1, 60))
def test_batches_are_the_data_in_order(count: int, size: int) -> None:
    data = Data(torch.arange(count * 2).reshape(count, 2))
    batches = list(data.batches(size))
    assert len(data) == count
    assert data.event_shape == (2,)
    assert torch.equal(torch.cat([data.x[:0], *batches]), data.x)
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(len(batch) > 0 for batch in batches)


@pytest.mark.parametrize("base", [NoiseSchedule, Noise, Sampler, Dataset, FeatureExtractor, Metric])
def test_a_contract_can_not_be_used_unfulfilled(base: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        type("Empty", (base,), {})()


def test_what_a_contract_leaves_open_has_a_default() -> None:
    class Least(Sampler):
        def trajectory(self, model, sigmas, noise):
            yield noise.normal()

    class LeastMetric(Metric):
        def prepare(self, reference, context):
            return {}

        def compute(self, state, generated):
            return {}

    assert Least().nfe(10) is None
    assert not Least().coupled
    assert Least().convergence_order is None
    assert Least().closed_form([1.0], 1.0) is None
    assert Least().reading() is None
    assert LeastMetric.needs == {"features"}
    assert LeastMetric().minimum_samples == 1


class Read(Sampler):
    def trajectory(self, model, sigmas, noise):
        yield noise.normal()

    def reading(self):
        return Reading(self, self)


class WithOtherLevels(Read):
    def nfe(self, levels):
        return levels


class Rewritten(Read):
    def trajectory(self, model, sigmas, noise):
        yield noise.uniform()


class RewrittenAndRead(Rewritten):
    def reading(self):
        return Reading(self, self)


class Mixin:
    def trajectory(self, model, sigmas, noise):
        yield noise.uniform()


@pytest.mark.parametrize(
    ("cls", "read"),
    [
        (Read, True),
        (WithOtherLevels, True),
        (Rewritten, False),
        (type("Heir", (Rewritten,), {}), False),
        (RewrittenAndRead, True),
        (type("Mixed", (Mixin, Read), {}), False),
        (type("MixedBehind", (Read, Mixin), {}), True),
        (dataclass(frozen=True, slots=True)(type("Slotted", (Rewritten,), {})), False),
    ],
)
def test_a_reading_isnt_inherited_by_another_trajectory(cls: type[Sampler], read: bool) -> None:
    sampler = cls()
    assert sampler.reading() == (Reading(sampler, sampler) if read else None)


def test_contracts_do_without_torch(python: Python) -> None:
    code = "import sys, scorebench.plugin.contracts; print('torch' in sys.modules)"
    assert python("-c", code).stdout.strip() == "False"
