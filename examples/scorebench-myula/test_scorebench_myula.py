"""MYULA keeps the laws of a sampler, and its chain settles where the paper says."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import scorebench
from scorebench.testing import conformance

test_myula = conformance("sampler", "myula")

STEP_SIZE, SMOOTHING = 0.005, 0.05


@pytest.mark.parametrize(
    ("prior", "value_range"),
    [({"prior": "box"}, (-0.5, 1.0)), ({"prior": "l1", "weight": 3.0}, None)],
    ids=["box", "l1"],
)
def test_the_chain_settles_at_the_smoothed_target(
    prior: dict[str, Any], value_range: tuple[float, float] | None
) -> None:
    """On N(0, 1): mean and variance by quadrature, with the envelope written out by hand."""
    x = torch.linspace(-6, 6, 20_001, dtype=torch.float64)
    if value_range is not None:
        outside = (x - x.clamp(*value_range)).abs()
        envelope = outside**2 / (2 * SMOOTHING)
    else:  # Huber's function
        weight = prior["weight"]
        quadratic, linear = x**2 / (2 * SMOOTHING), weight * (x.abs() - SMOOTHING * weight / 2)
        envelope = torch.where(x.abs() < SMOOTHING * weight, quadratic, linear)
    density = (-(x**2) / 2 - envelope).exp()
    density /= density.sum()
    mean = float(density @ x)
    variance = float(density @ (x - mean) ** 2)

    model = scorebench.load("score_model", "gaussian", dtype="float64", value_range=value_range)
    sampler = scorebench.build(
        "sampler", "myula", step_size=STEP_SIZE, smoothing=SMOOTHING, steps=1000, **prior
    )
    samples = scorebench.sample(model, sampler, torch.zeros(1), 4000, batch_size=4000).x
    # Four standard errors; the step size adds about η/(2λ) to the variance at most.
    assert float(samples.mean()) == pytest.approx(mean, abs=4 * math.sqrt(variance / 4000))
    bias = STEP_SIZE / (2 * SMOOTHING)
    assert float(samples.var()) == pytest.approx(variance, rel=4 * math.sqrt(2 / 4000) + bias)


def test_several_noise_levels_are_refused() -> None:
    sampler = scorebench.build("sampler", "myula", step_size=0.1, smoothing=0.1)
    with pytest.raises(ValueError, match="stays at one noise level, but the schedule has 2"):
        sampler.nfe(2)
