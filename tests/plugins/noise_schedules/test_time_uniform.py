from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq

import scorebench
from scorebench import UserError
from scorebench.running.sampling import check_sigmas


def sigmas(**parameters: float) -> torch.Tensor:
    built = scorebench.build("noise_schedule", "time_uniform", **parameters)
    levels: torch.Tensor = built.sigmas(scorebench.Context())
    return levels


def sigma_at(time: float, low: float, high: float) -> float:
    """From the definition: dσ²/dt = β·(1 + σ²), so log(1 + σ²) is the integral of β."""
    integral, _ = quad(lambda t: low + (high - low) * t, 0, time)
    return math.sqrt(math.exp(integral) - 1)


@pytest.mark.parametrize(("low", "high"), [(0.1, 20.0), (0.5, 3.0), (2.0, 2.0)])
def test_levels_are_uniform_in_the_time_of_the_sde(low: float, high: float) -> None:
    levels = sigmas(n=9, sigma_max=30, sigma_min=0.05, beta_min=low, beta_max=high)

    def time_of(sigma: float) -> float:
        return float(brentq(lambda t: sigma_at(t, low, high) - sigma, 0, 5, xtol=1e-14))

    steps = torch.tensor([time_of(float(s)) for s in levels], dtype=torch.float64).diff()
    torch.testing.assert_close(steps, steps.mean().expand(8), rtol=1e-8, atol=0)


def test_the_papers_times_have_the_levels_that_the_docstring_names() -> None:
    assert sigma_at(1, 0.1, 20) == pytest.approx(152.2, abs=0.05)
    assert sigma_at(1e-3, 0.1, 20) == pytest.approx(0.0105, abs=5e-5)
    middle = sigmas(n=3, sigma_max=sigma_at(1, 0.1, 20), sigma_min=sigma_at(0.5, 0.1, 20))[1]
    assert float(middle) == pytest.approx(sigma_at(0.75, 0.1, 20))


def test_small_levels_keep_their_digits() -> None:
    """Near time 0 σ² is β_min·t, so that uniform in t is uniform in σ²."""
    levels = sigmas(n=5, sigma_max=1e-9, sigma_min=1e-10)
    expected = torch.linspace(1e-18, 1e-20, 5, dtype=torch.float64).sqrt()
    torch.testing.assert_close(levels, expected, rtol=1e-13, atol=0)


@given(
    low=st.floats(1e-3, 10),
    more=st.floats(0, 100),
    smallest=st.floats(1e-6, 1),
    ratio=st.floats(1.01, 1e6),
    n=st.integers(2, 200),
)
def test_levels_decrease_strictly_whatever_the_parameters(
    low: float, more: float, smallest: float, ratio: float, n: int
) -> None:
    levels = sigmas(
        n=n, sigma_max=smallest * ratio, sigma_min=smallest, beta_min=low, beta_max=low + more
    )
    check_sigmas(levels)
    assert len(levels) == n


def test_beta_must_not_fall() -> None:
    with pytest.raises(UserError, match=r"beta_max \(0.1\) must not be below beta_min \(20.0\)"):
        sigmas(beta_min=20, beta_max=0.1)
