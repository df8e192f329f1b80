"""DPM-Solver++ of order 2, single-step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Le

from .ancestral_split import ancestral_split
from .down_to_zero import DownToZero

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DPMpp2S(DownToZero):
    """x' = σ'/σ·x + (1 − σ'/σ)·D(u, √(σσ')), with u found by a first-order step.

    Lu et al. 2022, "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic
    models", algorithm 1 with r = 1/2. With η > 0 each step ends in fresh noise, as in
    k-diffusion's ``dpmpp_2s_ancestral``.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({}, {"eta": 1.0})

    eta: Annotated[float, Ge(0), Le(1)] = 0.0
    """η: the share of fresh noise, 0 to 1."""

    evaluations_per_step: ClassVar[int] = 2

    @property
    def convergence_order(self) -> int | None:
        return None if self.eta else 2

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
