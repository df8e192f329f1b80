"""Euler's method on the probability-flow ODE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from scorebench import Sampler

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class Euler(Sampler):
    """Euler steps on dx/dσ = (x − D(x, σ))/σ, from each noise level to the next.

    Karras et al. 2022, "Elucidating the design space of diffusion-based generative models",
    equation 1 with σ(t) = t, and algorithm 1 without its correction: order 1. Equal to DDIM with
    η = 0 in these coordinates.
    """

    denoise: bool = True
    """End with the Euler step to σ = 0, which is D(x, σ_L)."""

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state at every noise level, then at 0 if ``denoise``."""
        x = self.start(model, sigmas[0], noise)
        yield x
        for sigma, following in pairwise(sigmas):
            slope = (x - model.denoise(x, sigma)) / sigma
            x = x + (following - sigma) * slope
            yield x
        if self.denoise:
            yield model.denoise(x, sigmas[-1])

    def nfe(self, levels: int) -> int:
        """One evaluation per step between levels, one for the step to 0."""
        return levels - 1 + self.denoise
