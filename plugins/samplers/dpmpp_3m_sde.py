"""SDE-DPM-Solver++ of order 3, multistep."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge

from .down_to_zero import DownToZero
from .exponential_integrals import adams_weights

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DPMpp3MSDE(DownToZero):
    """The parabola through the last three denoised states in −log σ, integrated over each step.

    Lu et al. 2022, "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic
    models", its multistep solver carried to order 3; with η > 0 on the reverse SDE, as there for
    order 2 and as in k-diffusion. Published code halves the weight of the second derivative,
    which takes the order back to 2; here the integral is exact. The first two steps are of
    orders 1 and 2.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({}, {"eta": 0.0})

    eta: Annotated[float, Ge(0)] = 1.0
    """η: the amount of fresh noise; 0 is the ODE, 1 the reverse SDE of the diffusion."""

    @property
    def convergence_order(self) -> int | None:
        return None if self.eta else 3

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        past: deque[tuple[float, Tensor]] = deque(maxlen=3)
        for sigma, following in pairwise(sigmas):
            s, t = float(sigma), float(following)
            h = math.log(s / t)
            past.appendleft((s, model.denoise(x, sigma)))
            nodes = [math.log(s / level) / h for level, _ in past]
            x = math.exp(-(1 + self.eta) * h) * x
            for weight, (_, denoised) in zip(
                adams_weights((1 + self.eta) * h, nodes), past, strict=True
            ):
                x = x + weight * denoised
            if self.eta:
                x = x + t * math.sqrt(-math.expm1(-2 * self.eta * h)) * noise.normal()
            yield x
