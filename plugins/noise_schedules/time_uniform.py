"""Noise levels uniform in the time of the variance-preserving SDE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt

from .between_two_levels import BetweenTwoLevels

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class TimeUniform(BetweenTwoLevels):
    """σᵢ = σ(tᵢ), tᵢ uniform from t(σ_max) to t(σ_min), i = 0 … n−1.

    Song et al. 2021, "Score-based generative modeling through stochastic differential equations":
    the VP SDE with β(t) = β_min + t·(β_max − β_min) has, by its equation 33 and in the coordinates
    x = x₀ + σz, σ(t)² = exp(½(β_max − β_min)t² + β_min·t) − 1. The defaults of β are the paper's,
    those of σ are Karras et al. 2022's; the paper's times 1 and 10⁻³ are σ = 152.2 and 0.0105.
    Times beyond 1 continue the formula. One level is σ_max alone.
    """

    beta_min: Annotated[float, Gt(0)] = 0.1
    """β at time 0, per unit of time."""
    beta_max: Annotated[float, Gt(0)] = 20.0
    """β at time 1, per unit of time; equal to beta_min it is constant."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beta_max < self.beta_min:
            raise ValueError(
                f"beta_max ({self.beta_max}) must not be below beta_min ({self.beta_min})"
            )

    def sigmas(self, context: Context) -> Tensor:
        """The noise levels, float64 ``[n]``."""
        import torch

        slope = self.beta_max - self.beta_min
        ends = torch.tensor([self.sigma_max, self.sigma_min], dtype=torch.float64)
        integral = torch.log1p(ends**2)  # of β from 0 to t
        first, last = (
            2 * integral / (self.beta_min + (self.beta_min**2 + 2 * slope * integral) ** 0.5)
        )
        time = torch.linspace(float(first), float(last), self.n, dtype=torch.float64)
        return torch.expm1((slope / 2 * time + self.beta_min) * time).sqrt()
