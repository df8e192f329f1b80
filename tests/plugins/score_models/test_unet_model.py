"""The denoiser of a network of timesteps, and which timestep it is told at a noise level."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import DDPMScheduler
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from scorebench import UserError
from scorebench_plugins.score_models.unet_model import Timesteps, UNetModel

SCHEDULES = ["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"]
CPU = torch.device("cpu")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_perfect_network_gives_the_exact_score(schedule: str) -> None:
    """Of N(0, s²I); the best ε is E[ε | x̃] = b·x̃/(a²s² + b²), with a² = ᾱ and b² = 1 − ᾱ."""
    variance = 0.3
    table = DDPMScheduler(beta_schedule=schedule).alphas_cumprod.double()

    def network(x: Tensor, t: Tensor) -> Tensor:
        assert t.dtype == torch.float32
        left = t.double().floor().long().clamp(max=len(table) - 2)
        levels = ((1 - table) / table).log() / 2
        sigma = levels[left].lerp(levels[left + 1], t.double() - left).exp().reshape(-1, 1)
        return x * sigma * (1 + sigma**2).sqrt() / (variance + sigma**2)

    model = UNetModel(network, "epsilon", table, False, (1,), CPU, torch.float64)
    inside = ((1 - table) / table).sqrt()[[0, -2]].log()
    sigma = torch.linspace(*inside.tolist(), 200, dtype=torch.float64).exp()
    draws = torch.randn(200, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x = (variance + sigma**2).sqrt()[:, None] * draws
    exact = -x / (variance + sigma[:, None] ** 2)
    torch.testing.assert_close(model.score(x, sigma), exact, rtol=1e-4, atol=0)
    torch.testing.assert_close(
        model.denoise(x, sigma), x + sigma[:, None] ** 2 * exact, rtol=1e-3, atol=1e-6
    )


TABLES = [DDPMScheduler(beta_schedule=name).alphas_cumprod for name in SCHEDULES]
TABLES.append(DDPMScheduler(trained_betas=[0.01, 0.5, 0.02, 0.3]).alphas_cumprod)


@pytest.mark.parametrize("table", TABLES)
def test_timesteps_are_whole_at_the_levels_of_the_table(table: Tensor) -> None:
    wide = table.double()
    sigmas = ((1 - wide) / wide).sqrt()
    told = Timesteps(table, False, CPU)(sigmas)
    torch.testing.assert_close(told, torch.arange(len(table)).float(), rtol=0, atol=1e-6)


@given(
    table=st.sampled_from(TABLES),
    levels=st.tuples(st.floats(1e-4, 1e4), st.floats(1e-4, 1e4)),
)
def test_timesteps_grow_with_sigma_and_end_with_the_table(
    table: Tensor, levels: tuple[float, float]
) -> None:
    timesteps = Timesteps(table, False, CPU)
    low, high = timesteps(torch.tensor(sorted(levels), dtype=torch.float64)).tolist()
    assert 0 <= low <= high <= len(table) - 1


def test_between_two_levels_the_timestep_is_that_of_their_geometric_mean() -> None:
    signal = torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64)
    low, middle, high = ((1 - signal) / signal).sqrt().tolist()
    told = Timesteps(signal, False, CPU)
    between = [math.sqrt(low * middle), middle**0.25 * high**0.75, 0.0, 1e-9, 1e9]
    found = told(torch.tensor(between, dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor([0.5, 1.75, 0.0, 0.0, 2.0]))
    whole = Timesteps(signal, True, CPU)(torch.tensor(between[:2]))
    assert whole.tolist() == [0, 2]
    assert whole.dtype == torch.int64


def test_steps_without_signal_or_without_noise_have_no_level() -> None:
    table = DDPMScheduler(rescale_betas_zero_snr=True).alphas_cumprod
    assert table[-1] == 0
    assert Timesteps(table, False, CPU)(torch.tensor(1e12)) == len(table) - 2
    late = DDPMScheduler(trained_betas=[0.0, 0.1, 0.2]).alphas_cumprod
    assert Timesteps(late, False, CPU)(torch.tensor([1e-12, 1e12])).tolist() == [1, 2]


@pytest.mark.parametrize("signal", [[0.5], [0.5, 0.5], [0.5, 0.9], [math.nan, 0.5]])
def test_a_table_without_growing_noise_is_told(signal: list[float]) -> None:
    with pytest.raises(UserError, match="betas don't make σ grow from step to step"):
        Timesteps(torch.tensor(signal), False, CPU)
