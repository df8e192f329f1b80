"""How an ancestral step divides itself between the ODE and fresh noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le

from .down_to_zero import DownToZero


@dataclass(frozen=True, kw_only=True)
class Ancestral(DownToZero):
    """A sampler of the ODE whose steps may end in fresh noise.

    Attributes:
        ode_order: its order of convergence where they don't, η = 0.
    """

    ode_order: ClassVar[int]
    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {},
        {"eta": 0.0},
        {"eta": 0.5},
        {"eta": 1.0},
    )

    eta: Annotated[float, Ge(0), Le(1)] = 0.0
    """η: the share of fresh noise; 0 is deterministic, 1 is the posterior of DDPM."""

    @property
    def convergence_order(self) -> int | None:
        return None if self.eta else self.ode_order


def ancestral_split(sigma: float, following: float, eta: float) -> tuple[float, float]:
    """The level that an ODE step goes down to, and the noise added to come back up.

    DDIM's variance (Song, Meng & Ermon 2021, eq. 16) in variance-exploding coordinates:
    up = η·σ'·√(1 − q²) with q = σ'/σ, and down = √(σ'² − up²), written without the difference.

    Args:
        sigma: the level σ > 0.
        following: the next level σ' in [0, σ].
        eta: η in [0, 1]; 0 adds no noise, 1 is the posterior of Ho et al. 2020.
    """
    q = following / sigma
    down = following * math.sqrt((1 - eta) * (1 + eta) + (eta * q) ** 2)
    return down, eta * following * math.sqrt((1 - q) * (1 + q))
