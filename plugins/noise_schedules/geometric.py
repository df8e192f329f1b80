"""Noise levels with a constant ratio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Gt, Le

from .between_two_levels import BetweenTwoLevels

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class Geometric(BetweenTwoLevels):
    """σᵢ = σ_max · (σ_min/σ_max)^(i/(n−1)), i = 0 … n−1.

    Song & Ermon 2019, "Generative modeling by estimating gradients of the data distribution",
    section 3.1; the defaults are those of its experiments. One level is σ_max alone.
    """

    n: Annotated[int, Ge(1), Le(1_000_000)] = 10
    """Number of noise levels."""
    sigma_max: Annotated[float, Gt(0)] = 1.0
    """First and largest noise level σ₁."""
    sigma_min: Annotated[float, Gt(0)] = 0.01
    """Last and smallest noise level σ_L."""

    def sigmas(self, context: Context) -> Tensor:
        """The noise levels, float64 ``[n]``."""
        import torch

        fraction = torch.linspace(0, 1, self.n, dtype=torch.float64)
        return self.sigma_max * (self.sigma_min / self.sigma_max) ** fraction
