"""The reverse SDE, discretised as the forward one was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from scorebench import Sampler

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class ReverseDiffusion(Sampler):
    """x' = x + (σ² − σ'²)·score(x, σ) + √(σ² − σ'²)·z.

    Song et al. 2021, "Score-based generative modeling through stochastic differential equations",
    equation 46 with the variance-exploding SDE: the predictor of its algorithm 2. Its noise is
    that of the forward process, more than ``euler_ancestral`` adds.
    """

    denoise: bool = True
    """End with the step to σ = 0 without its noise, which is D(x, σ_L)."""

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state at every noise level, then at 0 if ``denoise``."""
        x = self.start(model, sigmas[0], noise)
        yield x
        for sigma, following in pairwise(sigmas):
            variance = float(sigma) ** 2 - float(following) ** 2
            x = x + variance * model.score(x, sigma) + math.sqrt(variance) * noise.normal()
            yield x
        if self.denoise:
            yield model.denoise(x, sigmas[-1])

    def nfe(self, levels: int) -> int:
        """One evaluation per step between levels, one for the step to 0."""
        return levels - 1 + self.denoise

    def closed_form(
        self, sigmas: Sequence[float], variance: float
    ) -> Iterator[tuple[float, float]]:
        yield 0.0, sigmas[0]
        for sigma, following in pairwise(sigmas):
            added = (sigma**2 - following**2) ** 0.5
            yield (variance + following**2) / (variance + sigma**2), added
        if self.denoise:
            yield variance / (variance + sigmas[-1] ** 2), 0.0
