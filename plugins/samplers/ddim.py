"""Denoising diffusion implicit models, from the deterministic to the ancestral sampler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .ancestral import Ancestral, ancestral_split

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DDIM(Ancestral):
    """x' = D + down/σ·(x − D) + up·z: the data as predicted, less of the noise, some fresh noise.

    Song, Meng & Ermon 2021, "Denoising diffusion implicit models", equation 12 with the variance
    of equation 16, divided by √ᾱ to be in variance-exploding coordinates. η = 0 is Euler's
    method on the probability-flow ODE, η = 1 the ancestral sampler of DDPM (Ho et al. 2020).
    """

    ode_order = 1

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        for sigma, following in pairwise(sigmas):
            down, up = ancestral_split(float(sigma), float(following), self.eta)
            denoised = model.denoise(x, sigma)
            x = denoised + down / float(sigma) * (x - denoised)
            if up:
                x = x + up * noise.normal()
            yield x

    def gains(self, sigmas: Sequence[float], variance: float) -> Iterator[tuple[float, float]]:
        for sigma, following in pairwise(sigmas):
            up = self.eta * following * (1 - following**2 / sigma**2) ** 0.5
            down = (following**2 - up**2) ** 0.5
            yield (variance + down * sigma) / (variance + sigma**2), up
