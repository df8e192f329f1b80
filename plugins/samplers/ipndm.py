"""Adams–Bashforth steps with the coefficients of equal steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Le

from .down_to_zero import DownToZero

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel

ADAMS_BASHFORTH = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)


@dataclass(frozen=True, kw_only=True)
class IPNDM(DownToZero):
    """x' = x + (σ' − σ)·Σⱼ bⱼ·εⱼ, with ε = (x − D)/σ at the last few levels.

    Zhang & Chen 2023, "Fast sampling of diffusion models with exponential integrator", improved
    PNDM: the multistep method of Liu et al. 2022 without its costly first steps. The coefficients
    are those of equal steps in σ. On levels graded otherwise the method is of order 2, however
    far it looks back (``deis`` has the coefficients of variable steps); it owes its reputation to
    few steps.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({}, {"order": 2}, {"order": 3})

    order: Annotated[int, Ge(1), Le(4)] = 4
    """Number of states that a step looks back on, this one included; 1 is Euler's method."""

    @property
    def convergence_order(self) -> int:
        return min(self.order, 2)

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        past: deque[Tensor] = deque(maxlen=self.order)
        for sigma, following in pairwise(sigmas):
            s, t = float(sigma), float(following)
            past.appendleft((x - model.denoise(x, sigma)) / s)
            for weight, epsilon in zip(ADAMS_BASHFORTH[len(past) - 1], past, strict=True):
                x = x + (t - s) * weight * epsilon
            yield x
