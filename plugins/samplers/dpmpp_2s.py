"""DPM-Solver++ of order 2, single-step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .ancestral import Ancestral, ancestral_split

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DPMpp2S(Ancestral):
    """x' = σ'/σ·x + (1 − σ'/σ)·D(u, √(σσ')), with u found by a first-order step.

    Lu et al. 2022, "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic
    models", algorithm 1 with r = 1/2. With η > 0 each step ends in fresh noise, as in
    k-diffusion's ``dpmpp_2s_ancestral``.
    """

    ode_order = 2
    evaluations_per_step = 2

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        for sigma, following in pairwise(sigmas):
            s = float(sigma)
            down, up = ancestral_split(s, float(following), self.eta)
            middle = math.sqrt(s * down)
            denoised = model.denoise(x, sigma)
            half = denoised + middle / s * (x - denoised)
            denoised = model.denoise(half, sigma.new_tensor(middle))
            x = denoised + down / s * (x - denoised)
            if up:
                x = x + up * noise.normal()
            yield x

    def gains(self, sigmas: Sequence[float], variance: float) -> Iterator[tuple[float, float]]:
        for sigma, following in pairwise(sigmas):
            down, up = ancestral_split(sigma, following, self.eta)
            middle = (sigma * down) ** 0.5
            half = (variance + middle * sigma) / (variance + sigma**2)
            decay, kept = down / sigma, variance / (variance + middle**2)
            yield decay + (1 - decay) * kept * half, up
