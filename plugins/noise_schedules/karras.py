"""Noise levels uniform in a root of σ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt

from .between_two_levels import BetweenTwoLevels

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class Karras(BetweenTwoLevels):
    """σᵢ = (σ_max^(1/ρ) + i/(n−1)·(σ_min^(1/ρ) − σ_max^(1/ρ)))^ρ, i = 0 … n−1.

    Karras et al. 2022, "Elucidating the design space of diffusion-based generative models",
    equation 5; the defaults are those of its table 1. The paper's final σ = 0 is not a level
    here: samplers reach it by their last denoising step. One level is σ_max alone.
    """

    rho: Annotated[float, Gt(0)] = 7.0
    """ρ: the larger, the more levels lie near σ_min; 1 is linear."""

    def sigmas(self, context: Context) -> Tensor:
        """The noise levels, float64 ``[n]``."""
        import torch

        fraction = torch.linspace(0, 1, self.n, dtype=torch.float64)
        high, low = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        sigmas: Tensor = (high + fraction * (low - high)) ** self.rho
        return sigmas
