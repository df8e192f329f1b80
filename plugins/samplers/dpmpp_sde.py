"""DPM-Solver++ on the reverse SDE, single-step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Le

from .ancestral import Ancestral, ancestral_split

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DPMppSDE(Ancestral):
    """Two ancestral steps from the same state, to half-way in log σ and to the next level.

    k-diffusion's ``dpmpp_sde`` (Crowson 2022, r = 1/2), and diffusers' DPMSolverSDEScheduler: the
    second step uses the denoised state found half-way. Both see the same Brownian path in σ, so
    the noise of the second is that of the first and of the rest of the way.
    """

    ode_order = 2
    evaluations_per_step = 2

    eta: Annotated[float, Ge(0), Le(1)] = 1.0
    """η: the share of fresh noise, 0 to 1; 0 is DPM-Solver++(2S)."""

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
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
