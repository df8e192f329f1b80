"""The noise levels of improved DDPM."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Le

from scorebench import NoiseSchedule

from .discrete_steps import check_steps, sigmas_at_even_steps

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context

LARGEST_BETA = 0.999


@dataclass(frozen=True, kw_only=True)
class Cosine(NoiseSchedule):
    """σ = √((1−ᾱ)/ᾱ) at n evenly spaced time steps, ᾱ a squared cosine of the time step.

    Nichol & Dhariwal 2021, "Improved denoising diffusion probabilistic models", equation 17:
    ᾱₜ = f(t)/f(0), f(t) = cos²((t/T + s)/(1 + s)·π/2), βₜ = 1 − ᾱₜ/ᾱₜ₋₁ at most 0.999, with its
    defaults; levels from about 20,000 down to 0.006. Time steps are rounded to whole numbers, at
    which the network of that diffusion was trained. One level is that of the last step.
    """

    n: Annotated[int, Ge(1), Le(1_000_000)] = 18
    """Number of noise levels, at most that of time steps."""
    timesteps: Annotated[int, Ge(1), Le(1_000_000)] = 1000
    """Number of time steps T of the diffusion."""
    offset: Annotated[float, Ge(0)] = 0.008
    """s: keeps β away from 0 near the data; a share of all time."""

    def __post_init__(self) -> None:
        check_steps(self.n, self.timesteps)

    def sigmas(self, context: Context) -> Tensor:
        """The noise levels, float64 ``[n]``."""
        import torch

        time = torch.linspace(0, 1, self.timesteps + 1, dtype=torch.float64)
        angle = (time + self.offset) / (1 + self.offset) * (math.pi / 2)
        before, after = angle[:-1], angle[1:]
        # 1 − cos²b/cos²a without the cancellation
        betas = torch.sin(after - before) * torch.sin(after + before) / torch.cos(before) ** 2
        return sigmas_at_even_steps(betas.clamp(max=LARGEST_BETA), self.n)
