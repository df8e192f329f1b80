"""Noise levels uniform in σ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .between_two_levels import BetweenTwoLevels

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class Linear(BetweenTwoLevels):
    """σᵢ = σ_max + i/(n−1)·(σ_min − σ_max), i = 0 … n−1.

    Equal steps in σ, the time of Karras et al. 2022's ODE; their schedule (equation 5) with ρ = 1.
    One level is σ_max alone.
    """

    def sigmas(self, context: Context) -> Tensor:
        """The noise levels, float64 ``[n]``."""
        import torch

        return torch.linspace(self.sigma_max, self.sigma_min, self.n, dtype=torch.float64)
