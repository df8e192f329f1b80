"""What schedules share that run from a largest to a smallest noise level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le

from scorebench import NoiseSchedule


@dataclass(frozen=True, kw_only=True)
class BetweenTwoLevels(NoiseSchedule):
    """``n`` levels from σ_max to σ_min; one level is σ_max alone.

    The defaults are those of Karras et al. 2022, "Elucidating the design space of diffusion-based
    generative models", table 1.
    """

    n: Annotated[int, Ge(1), Le(1_000_000)] = 18
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
