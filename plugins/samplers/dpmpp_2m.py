"""DPM-Solver++ of order 2, multistep."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .down_to_zero import DownToZero

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DPMpp2M(DownToZero):
    """x' = σ'/σ·x + (1 − σ'/σ)·D̃, with D̃ extrapolated from this denoised state and the last.

    Lu et al. 2022, "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic
    models", algorithm 2. The first step, which has nothing to extrapolate from, is of order 1.
    """

    @property
    def convergence_order(self) -> int:
        return 2

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        earlier, earlier_h = None, 0.0
        for sigma, following in pairwise(sigmas):
            decay = float(following) / float(sigma)
            h = -math.log(decay)
            denoised = model.denoise(x, sigma)
            data = denoised
            if earlier is not None:
                data = denoised + h / (2 * earlier_h) * (denoised - earlier)
            x = data + decay * (x - data)
            yield x
            earlier, earlier_h = denoised, h
