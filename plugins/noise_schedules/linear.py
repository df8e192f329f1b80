"""Noise levels uniform in σ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Gt

from scorebench import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class Linear(NoiseSchedule):
    """σᵢ = σ_max + i/(n−1)·(σ_min − σ_max), i = 0 … n−1.

    Equal steps in σ, the time of Karras et al. 2022's ODE; their schedule (equation 5) with ρ = 1.
    One level is σ_max alone.
    """

    n: Annotated[int, Ge(1)] = 18
    """Number of noise levels."""
    sigma_max: Annotated[float, Gt(0)] = 80.0
    """First and largest noise level."""
    sigma_min: Annotated[float, Gt(0)] = 0.002
    """Last and smallest noise level."""

    def __post_init__(self) -> None:
        if self.n > 1 and self.sigma_min >= self.sigma_max:
            raise ValueError(
                f"sigma_min ({self.sigma_min}) must be below sigma_max ({self.sigma_max})"
            )

    def sigmas(self, context: Context) -> Tensor:
        """The noise levels, float64 ``[n]``."""
        import torch

        return torch.linspace(self.sigma_max, self.sigma_min, self.n, dtype=torch.float64)
