"""DPM-Solver of order 3, single-step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .down_to_zero import DownToZero

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DPMSolver3(DownToZero):
    """An exponential Runge–Kutta method of order 3: three evaluations a step, none remembered.

    Lu et al. 2022, "DPM-Solver: a fast ODE solver for diffusion probabilistic model sampling",
    algorithm 2 (r₁ = 1/3, r₂ = 2/3) in variance-exploding coordinates.
    """

    evaluations_per_step = 3

    @property
    def convergence_order(self) -> int:
        return 3

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
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
