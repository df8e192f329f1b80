"""DPM-Solver of order 3, single-step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from scorebench import Sampler

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DPMSolver3(Sampler):
    """An exponential Runge–Kutta method of order 3: three evaluations a step, none remembered.

    Lu et al. 2022, "DPM-Solver: a fast ODE solver for diffusion probabilistic model sampling",
    algorithm 2 (r₁ = 1/3, r₂ = 2/3) in variance-exploding coordinates.
    """

    denoise: bool = True
    """End with the Euler step to σ = 0, which is D(x, σ_L)."""

    @property
    def convergence_order(self) -> int:
        return 3

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state at every noise level, then at 0 if ``denoise``."""
        x = self.start(model, sigmas[0], noise)
        yield x
        for sigma, following in pairwise(sigmas):
            s, t = float(sigma), float(following)
            h = math.log(s / t)
            s1, s2 = s * (t / s) ** (1 / 3), s * (t / s) ** (2 / 3)
            epsilon = (x - model.denoise(x, sigma)) / s
            u = x + (s1 - s) * epsilon
            change = (u - model.denoise(u, sigma.new_tensor(s1))) / s1 - epsilon
            u = x + (s2 - s) * epsilon - 2 * ((s - s2) / (2 / 3 * h) - s2) * change
            change = (u - model.denoise(u, sigma.new_tensor(s2))) / s2 - epsilon
            x = x + (t - s) * epsilon - 3 / 2 * ((s - t) / h - t) * change
            yield x
        if self.denoise:
            yield model.denoise(x, sigmas[-1])

    def nfe(self, levels: int) -> int:
        """Three evaluations per step between levels, one for the step to 0."""
        return 3 * (levels - 1) + self.denoise
