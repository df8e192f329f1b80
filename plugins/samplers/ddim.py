"""Denoising diffusion implicit models, from the deterministic to the ancestral sampler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Le

from scorebench import Sampler

from .ancestral_split import ancestral_split

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DDIM(Sampler):
    """x' = D + down/σ·(x − D) + up·z: the data as predicted, less of the noise, some fresh noise.

    Song, Meng & Ermon 2021, "Denoising diffusion implicit models", equation 12 with the variance
    of equation 16, divided by √ᾱ to be in variance-exploding coordinates. η = 0 is Euler's
    method on the probability-flow ODE, η = 1 the ancestral sampler of DDPM (Ho et al. 2020).
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({}, {"eta": 0.5}, {"eta": 1.0})

    eta: Annotated[float, Ge(0), Le(1)] = 0.0
    """η: the share of fresh noise; 0 is deterministic, 1 is DDPM."""
    denoise: bool = True
    """End with the step to σ = 0, which is D(x, σ_L)."""

    @property
    def convergence_order(self) -> int | None:
        return None if self.eta else 1

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state at every noise level, then at 0 if ``denoise``."""
        x = self.start(model, sigmas[0], noise)
        yield x
        for sigma, following in pairwise(sigmas):
            down, up = ancestral_split(float(sigma), float(following), self.eta)
            denoised = model.denoise(x, sigma)
            x = denoised + down / float(sigma) * (x - denoised)
            if up:
                x = x + up * noise.normal()
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
            up = self.eta * following * (1 - following**2 / sigma**2) ** 0.5
            down = (following**2 - up**2) ** 0.5
            yield (variance + down * sigma) / (variance + sigma**2), up
        if self.denoise:
            yield variance / (variance + sigmas[-1] ** 2), 0.0
