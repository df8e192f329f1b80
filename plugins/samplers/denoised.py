"""The end of a walk that many samplers have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


def denoised(x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Tensor:
    """D(x, σ_L) of a state ``[B, *event]`` at the last noise level."""
    return model.denoise(x, sigmas[-1])
