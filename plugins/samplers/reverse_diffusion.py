"""The reverse SDE, discretised as the forward one was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .down_to_zero import DownToZero

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class ReverseDiffusion(DownToZero):
    """x' = x + (σ² − σ'²)·score(x, σ) + √(σ² − σ'²)·z.

    Song et al. 2021, "Score-based generative modeling through stochastic differential equations",
    equation 46 with the variance-exploding SDE: the predictor of its algorithm 2. Its noise is
    that of the forward process, more than ``euler_ancestral`` adds.
    """

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        for sigma, following in pairwise(sigmas):
            variance = float(sigma) ** 2 - float(following) ** 2
            x = x + variance * model.score(x, sigma) + math.sqrt(variance) * noise.normal()
            yield x

    def gains(self, sigmas: Sequence[float], variance: float) -> Iterator[tuple[float, float]]:
        for sigma, following in pairwise(sigmas):
            added = (sigma**2 - following**2) ** 0.5
            yield (variance + following**2) / (variance + sigma**2), added
