"""How fast a sampler's error against the exact solution of the ODE falls with the step size."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scorebench.errors import PluginError
from scorebench.plugin.contracts import Noise, Sampler
from scorebench.testing.exact_models import MIXTURE, POINT
from scorebench.testing.levels import levels

STARTS, COARSE, FINE, SIGMA_MIN = 64, 64, 256, 0.1


class FixedStart(Noise):
    """The same standard normal start whenever a number is drawn: for samplers that draw one."""

    def normal(self) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.randn(STARTS, *MIXTURE.event_shape, generator=generator, dtype=torch.float64)

    def uniform(self) -> Tensor:
        raise PluginError("declares an order, but draws other numbers than a normal start")


def measured_order(sampler: Sampler, coarse: Tensor, fine: Tensor) -> tuple[float, float]:
    """The order of convergence from one set of noise levels to a finer one, and the finer error.

    On a mixture in two dimensions, by the median distance over 64 starts between the state at the
    last level and the solution of dx/dσ = (x − D(x, σ))/σ (Karras et al. 2022, eq. 1).

    The last state is compared with the solution, or with the denoised solution if the sampler
    ends in a denoised state: then its last state is the point itself on data that is one point.
    One that has a parameter ``denoise`` is asked not to.

    Args:
        sampler: deterministic but for its start.
        coarse, fine: noise levels with the same ends, float64.
    """
    far, near = (_error(sampler, sigmas) for sigmas in (coarse, fine))
    return math.log(far / near) / math.log((len(fine) - 1) / (len(coarse) - 1)), near


def order_on_graded_levels(sampler: Sampler) -> tuple[float, float]:
    """``measured_order`` from 64 to 256 levels, from σ = 80 to 0.1."""
    coarse, fine = (levels(n, sigma_min=SIGMA_MIN) for n in (COARSE, FINE))
    return measured_order(sampler, coarse, fine)


def _error(sampler: Sampler, sigmas: Tensor) -> float:
    solver: Any = sampler
    if any(f.name == "denoise" for f in dataclasses.fields(solver)):
        solver = dataclasses.replace(solver, denoise=False)
    with torch.no_grad():
        *_, found = solver.trajectory(MIXTURE, sigmas, FixedStart())
        *_, on_point = solver.trajectory(POINT, sigmas, FixedStart())
    exact = torch.from_numpy(_solution(float(sigmas[0]), float(sigmas[-1])))
    if (on_point - torch.tensor(POINT.means)).abs().max() < 1e-6 * sigmas[-1]:
        exact = MIXTURE.denoise(exact, sigmas[-1])
    return float((found - exact).norm(dim=1).median())


@functools.cache
def _solution(first: float, last: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Where the exact flow takes the fixed starts, by an adaptive method of order 8 in log σ."""
    from scipy.integrate import solve_ivp

    start = first * FixedStart().normal()

    def slope(log_sigma: float, flat: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(flat).reshape(start.shape)
        sigma = torch.tensor(math.exp(log_sigma), dtype=torch.float64)
        return (x - MIXTURE.denoise(x, sigma)).flatten().numpy()

    span = (math.log(first), math.log(last))
    solved = solve_ivp(
        slope, span, start.flatten().numpy(), method="DOP853", rtol=1e-12, atol=1e-12
    )
    return np.asarray(solved.y[:, -1].reshape(start.shape))
