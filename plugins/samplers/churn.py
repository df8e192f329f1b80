"""Churn: fresh noise before a step of a solver of the probability-flow ODE."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge

from .down_to_zero import DownToZero

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class Churned(DownToZero):
    """The parameters of churn, and its step: algorithm 2 of Karras et al. 2022, lines 4 to 6."""

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {},
        {"s_churn": 3.0, "s_max": 20.0, "s_noise": 1.003},
    )

    s_churn: Annotated[float, Ge(0)] = 0.0
    """Overall amount of churn; γ = min(s_churn/N, √2 − 1) per step of N."""
    s_min: Annotated[float, Ge(0)] = 0.0
    """Smallest noise level at which noise is added."""
    s_max: Annotated[float, Ge(0)] = math.inf
    """Largest noise level at which noise is added."""
    s_noise: Annotated[float, Ge(0)] = 1.0
    """Standard deviation of the added noise."""

    def churned(self, x: Tensor, sigma: Tensor, steps: int, noise: Noise) -> tuple[Tensor, Tensor]:
        """Raise the noise level of x from σ to (1 + γ)·σ; both as they are where γ is 0."""
        gamma = self._gamma(float(sigma), steps) if self.s_churn else 0.0
        if gamma == 0:
            return x, sigma
        added = float(sigma) * math.sqrt((1 + gamma) ** 2 - 1) * self.s_noise
        return x + added * noise.normal(), (1 + gamma) * sigma

    def end(self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Tensor:
        """D of the state at the last level, churned as before any other step."""
        return model.denoise(*self.churned(x, sigmas[-1], len(sigmas), noise))

    def churned_steps(self, sigmas: Sequence[float]) -> Iterator[tuple[float, float, float]]:
        """The noise level to which each step is raised, the noise this adds, the next level."""
        for sigma, following in pairwise([*sigmas, 0.0]):
            gamma = self._gamma(sigma, len(sigmas))
            raised = (1 + gamma) * sigma
            yield raised, self.s_noise * math.sqrt(raised**2 - sigma**2), following

    def _gamma(self, sigma: float, steps: int) -> float:
        if not self.s_min <= sigma <= self.s_max:
            return 0.0
        return min(self.s_churn / steps, math.sqrt(2) - 1)
