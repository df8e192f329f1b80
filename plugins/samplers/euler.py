"""Euler's method on the probability-flow ODE, with churn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .churn import Churned

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class Euler(Churned):
    """Euler steps on dx/dσ = (x − D(x, σ))/σ, from each noise level to the next.

    Karras et al. 2022, "Elucidating the design space of diffusion-based generative models",
    equation 1 with σ(t) = t, and algorithms 1 and 2 without their correction: order 1. Without
    churn equal to DDIM with η = 0 in these coordinates.
    """

    @property
    def convergence_order(self) -> int | None:
        return None if self.s_churn else 1

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        for sigma, following in pairwise(sigmas):
            x, sigma = self.churned(x, sigma, len(sigmas), noise)
            s, t = float(sigma), float(following)
            x = x + (t - s) / s * (x - model.denoise(x, sigma))
            yield x

    def closed_form(
        self, sigmas: Sequence[float], variance: float
    ) -> Iterator[tuple[float, float]]:
        yield 0.0, sigmas[0]
        for raised, added, following in self.churned_steps(sigmas):
            if following or self.denoise:
                if added:
                    yield 1.0, added
                yield (variance + following * raised) / (variance + raised**2), 0.0
