"""Adams–Bashforth steps of variable size on the probability-flow ODE."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Le

from .down_to_zero import DownToZero

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)


@dataclass(frozen=True, kw_only=True)
class DEIS(DownToZero):
    """The polynomial through the last few ε = (x − D)/σ, integrated over each step.

    Zhang & Chen 2023, "Fast sampling of diffusion models with exponential integrator", equation
    15: x' = x + Σⱼ Cⱼ·εⱼ, with Cⱼ the integral over dσ of the j-th Lagrange polynomial. In the
    noise level itself this is tAB-DEIS for EDM's time, the multistep method "LMS" of k-diffusion,
    and iPNDM with coefficients for steps of variable size; in its logarithm it is the "logrho"
    of diffusers. "tAB3" counts the polynomial's degree: it is ``order: 4`` here. The first steps,
    with fewer states to look back on, are of lower order.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {},
        {"order": 2},
        {"variable": "log_sigma"},
        {"order": 4},
    )

    order: Annotated[int, Ge(1), Le(4)] = 3
    """Number of states that a step looks back on, this one included; 1 is Euler's method."""
    variable: Literal["sigma", "log_sigma"] = "sigma"
    """What ε is taken to be a polynomial of."""

    @property
    def convergence_order(self) -> int:
        """``order``, but at most 3: with four states the error of the first steps prevails."""
        return min(self.order, 3)

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        past: deque[tuple[float, Tensor]] = deque(maxlen=self.order)
        for sigma, following in pairwise(sigmas):
            s = float(sigma)
            past.appendleft((s, (x - model.denoise(x, sigma)) / s))
            weights = self._weights([level for level, _ in past], float(following))
            for weight, (_, epsilon) in zip(weights, past, strict=True):
                x = x + weight * epsilon
            yield x

    def _weights(self, levels: Sequence[float], following: float) -> list[float]:
        """∫ ℓⱼ dσ from ``levels[0]`` to ``following``, by quadrature that is exact to rounding."""
        if self.variable == "sigma":
            nodes, start, end = list(levels), levels[0], following
        else:
            nodes, start, end = (
                [math.log(s) for s in levels],
                math.log(levels[0]),
                math.log(following),
            )
        at = start + (end - start) * (NODES + 1) / 2
        measure = WEIGHTS * (end - start) / 2 * (1 if self.variable == "sigma" else np.exp(at))
        weights = []
        for node in nodes:
            basis = [(at - other) / (node - other) for other in nodes if other != node]
            weights.append(float(measure @ math.prod(basis, start=np.ones_like(at))))
        return weights
