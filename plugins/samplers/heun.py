"""Heun's method on the probability-flow ODE, with churn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

from scorebench import Sampler

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class Heun(Sampler):
    """Heun's method of order 2, each step optionally preceded by fresh noise ("churn").

    Karras et al. 2022, "Elucidating the design space of diffusion-based generative models",
    algorithm 1 (deterministic, ``s_churn = 0``) and algorithm 2 (stochastic). The last step, to
    σ = 0, is an Euler step: it is D(x, σ_L).
    """

    s_churn: Annotated[float, Ge(0)] = 0.0
    """Overall amount of churn; γ = min(s_churn/N, √2 − 1) per step of N."""
    s_min: Annotated[float, Ge(0)] = 0.0
    """Smallest noise level at which noise is added."""
    s_max: Annotated[float, Ge(0)] = math.inf
    """Largest noise level at which noise is added."""
    s_noise: Annotated[float, Ge(0)] = 1.0
    """Standard deviation of the added noise."""
    denoise: bool = True
    """End with the Euler step to σ = 0, which is D(x, σ_L)."""

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state at every noise level, then at 0 if ``denoise``."""
        x = self.start(model, sigmas[0], noise)
        yield x
        for sigma, following in pairwise(sigmas):
            x, sigma = self._churned(x, sigma, noise, len(sigmas))
            slope = (x - model.denoise(x, sigma)) / sigma
            euler = x + (following - sigma) * slope
            corrected = (euler - model.denoise(euler, following)) / following
            x = x + (following - sigma) * (slope + corrected) / 2
            yield x
        if self.denoise:
            yield model.denoise(*self._churned(x, sigmas[-1], noise, len(sigmas)))

    def _churned(self, x: Tensor, sigma: Tensor, noise: Noise, steps: int) -> tuple[Tensor, Tensor]:
        """Algorithm 2, lines 4 to 6: raise the noise level from σ to (1 + γ)·σ."""
        gamma = min(self.s_churn / steps, math.sqrt(2) - 1)
        if gamma == 0 or not self.s_min <= sigma <= self.s_max:
            return x, sigma
        raised = (1 + gamma) * sigma
        return x + (raised**2 - sigma**2).sqrt() * self.s_noise * noise.normal(), raised

    def nfe(self, levels: int) -> int:
        """Two evaluations per step between levels, one for the step to 0."""
        return 2 * (levels - 1) + self.denoise
