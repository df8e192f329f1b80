"""DPM-Solver++ on the reverse SDE, single-step."""

from __future__ import annotations

import math
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
class DPMppSDE(Sampler):
    """Two ancestral steps from the same state, to half-way in log σ and to the next level.

    k-diffusion's ``dpmpp_sde`` (Crowson 2022, r = 1/2), and diffusers' DPMSolverSDEScheduler: the
    second step uses the denoised state found half-way. Both see the same Brownian path in σ, so
    the noise of the second is that of the first and of the rest of the way.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({}, {"eta": 0.0})

    eta: Annotated[float, Ge(0), Le(1)] = 1.0
    """η: the share of fresh noise, 0 to 1; 0 is DPM-Solver++(2S)."""
    denoise: bool = True
    """End with the Euler step to σ = 0, which is D(x, σ_L)."""

    @property
    def convergence_order(self) -> int | None:
        return None if self.eta else 2

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state at every noise level, then at 0 if ``denoise``."""
        x = self.start(model, sigmas[0], noise)
        yield x
        for sigma, following in pairwise(sigmas):
            s, t = float(sigma), float(following)
            middle = math.sqrt(s * t)
            denoised = model.denoise(x, sigma)
            down, up = ancestral_split(s, middle, self.eta)
            half = denoised + down / s * (x - denoised)
            if up:
                first = noise.normal()
                half = half + up * first
            denoised = model.denoise(half, sigma.new_tensor(middle))
            down, up = ancestral_split(s, t, self.eta)
            x = denoised + down / s * (x - denoised)
            if up:
                share = (s - middle) / (s - t)
                x = x + up * math.sqrt(share) * first
                x = x + up * math.sqrt(1 - share) * noise.normal()
            yield x
        if self.denoise:
            yield model.denoise(x, sigmas[-1])

    def nfe(self, levels: int) -> int:
        """Two evaluations per step between levels, one for the step to 0."""
        return 2 * (levels - 1) + self.denoise
