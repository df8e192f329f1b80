"""DPM-Solver of order 2, single-step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .ancestral import Ancestral, ancestral_split

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DPMSolver2(Ancestral):
    """The midpoint rule on the probability-flow ODE, its midpoint half-way in log σ.

    Lu et al. 2022, "DPM-Solver: a fast ODE solver for diffusion probabilistic model sampling",
    algorithm 1 (r₁ = 1/2) in variance-exploding coordinates, where σ_t·(e^h − 1) is the difference
    of two noise levels. With η > 0 each step ends in fresh noise, as in k-diffusion's
    ``dpm_2_ancestral``.
    """

    ode_order = 2
    evaluations_per_step = 2

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        for sigma, following in pairwise(sigmas):
            s = float(sigma)
            down, up = ancestral_split(s, float(following), self.eta)
            middle = math.sqrt(s * down)
            slope = (x - model.denoise(x, sigma)) / s
            half = x + (middle - s) * slope
            slope = (half - model.denoise(half, sigma.new_tensor(middle))) / middle
            x = x + (down - s) * slope
            if up:
                x = x + up * noise.normal()
            yield x

    def gains(self, sigmas: Sequence[float], variance: float) -> Iterator[tuple[float, float]]:
        for sigma, following in pairwise(sigmas):
            down, up = ancestral_split(sigma, following, self.eta)
            middle = (sigma * down) ** 0.5
            half = (variance + middle * sigma) / (variance + sigma**2)
            yield 1 + (down - sigma) * middle / (variance + middle**2) * half, up
