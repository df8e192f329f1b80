"""The noise levels of DDPM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Gt, Le, Lt

from scorebench import NoiseSchedule

from .discrete_steps import check_steps, sigmas_at_even_steps

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class VPLinear(NoiseSchedule):
    """σ = √((1−ᾱ)/ᾱ) at n evenly spaced time steps, ᾱ = Π(1 − β), β linear in the time step.

    Ho et al. 2020, "Denoising diffusion probabilistic models", section 4, with its defaults: levels
    from 157.4 down to 0.01. Time steps are rounded to whole numbers, at which the network of that
    diffusion was trained. One level is that of the last step T−1.
    """

    n: Annotated[int, Ge(1), Le(1_000_000)] = 18
    """Number of noise levels, at most that of time steps."""
    timesteps: Annotated[int, Ge(1), Le(1_000_000)] = 1000
    """Number of time steps T of the diffusion."""
    beta_min: Annotated[float, Gt(0), Lt(1)] = 1e-4
    """β of time step 0."""
    beta_max: Annotated[float, Gt(0), Lt(1)] = 0.02
    """β of time step T−1."""

    def __post_init__(self) -> None:
        check_steps(self.n, self.timesteps)
        if self.beta_max < self.beta_min:
            raise ValueError(
                f"beta_max ({self.beta_max}) must not be below beta_min ({self.beta_min})"
            )

    def sigmas(self, context: Context) -> Tensor:
        """The noise levels, float64 ``[n]``."""
        import torch

        betas = torch.linspace(self.beta_min, self.beta_max, self.timesteps, dtype=torch.float64)
        return sigmas_at_even_steps(betas, self.n)
