"""The schedules of discrete diffusions, DDPM's and improved DDPM's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import scorebench
from scorebench import UserError
from scorebench.running.sampling import check_sigmas

SCHEDULES = ["vp_linear", "cosine"]


def sigmas(name: str, **parameters: float) -> torch.Tensor:
    levels: torch.Tensor = scorebench.build("noise_schedule", name, **parameters).sigmas(
        scorebench.Context()
    )
    return levels


def test_vp_linear_levels_are_those_of_ddpm() -> None:
    kept = 1.0
    expected = []
    for step in range(1000):
        kept *= 1 - (1e-4 + (0.02 - 1e-4) * step / 999)
        expected.append(math.sqrt((1 - kept) / kept))
    levels = sigmas("vp_linear", n=1000)
    np.testing.assert_allclose(levels, expected[::-1], rtol=1e-9)
    assert levels[[0, -1]].tolist() == pytest.approx([157.4, 0.01], rel=1e-3)
    chosen = [999, 749, 500, 250, 0]  # 749.25, 499.5 and 249.75 to the nearest
    assert sigmas("vp_linear", n=5).tolist() == levels.flip(0)[chosen].tolist()


def test_cosine_levels_are_those_of_equation_17() -> None:
    def f(step: int) -> float:
        return math.cos((step / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2

    betas = [min(1 - f(t) / f(t - 1), 0.999) for t in range(1, 1001)]
    kept = np.cumprod(1 - np.array(betas))
    levels = sigmas("cosine", n=1000)
    np.testing.assert_allclose(levels.flip(0), np.sqrt((1 - kept) / kept), rtol=1e-9)
    assert betas[-1] == 0.999
    assert betas[-2] < 0.999
    unclipped = [math.sqrt(f(0) / f(t) - 1) for t in range(1, 1000)]
    np.testing.assert_allclose(levels.flip(0)[:-1], unclipped, rtol=1e-9)
    assert levels[[0, -1]].tolist() == pytest.approx([20_000, 0.0064], rel=0.05)


@pytest.mark.parametrize("name", SCHEDULES)
def test_one_and_two_levels(name: str) -> None:
    every = sigmas(name, n=1000)
    assert sigmas(name, n=1).tolist() == every[:1].tolist()
    assert sigmas(name, n=2).tolist() == every[[0, -1]].tolist()
    assert sigmas(name, n=1, timesteps=1)[0] > 0


@given(name=st.sampled_from(SCHEDULES), timesteps=st.integers(1, 1000), data=st.data())
def test_levels_decrease_strictly_whatever_the_steps(
    name: str, timesteps: int, data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, timesteps))
    levels = sigmas(name, n=n, timesteps=timesteps)
    check_sigmas(levels)
    assert levels.dtype == torch.float64
    assert len(levels) == n


@given(st.floats(1e-8, 0.5), st.floats(1e-8, 0.5))
def test_any_betas_give_levels(one: float, other: float) -> None:
    check_sigmas(sigmas("vp_linear", n=50, beta_min=min(one, other), beta_max=max(one, other)))


@given(st.floats(0, 10))
def test_any_offset_gives_levels(offset: float) -> None:
    check_sigmas(sigmas("cosine", n=50, offset=offset))


@pytest.mark.parametrize("name", SCHEDULES)
def test_there_are_no_more_levels_than_steps(name: str) -> None:
    with pytest.raises(UserError, match=r"n \(11\) must not exceed timesteps \(10\)"):
        sigmas(name, n=11, timesteps=10)


@pytest.mark.parametrize("bad", [{"beta_min": 0}, {"beta_max": 1}, {"timesteps": 0}])
def test_bounds_of_the_diffusion_are_kept(bad: dict[str, float]) -> None:
    with pytest.raises(UserError, match="expected"):
        sigmas("vp_linear", **bad)


def test_betas_must_not_fall() -> None:
    with pytest.raises(UserError, match=r"beta_max \(0.1\) must not be below beta_min \(0.2\)"):
        sigmas("vp_linear", beta_min=0.2, beta_max=0.1)
