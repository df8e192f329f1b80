"""SA-Solver: stochastic Adams predictor and corrector."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Le

from .down_to_zero import DownToZero
from .exponential_integrals import adams_weights

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class SASolver(DownToZero):
    """Adams–Bashforth down a reverse SDE, each step mended by Adams–Moulton with the same noise.

    Xue et al. 2023, "SA-Solver: stochastic Adams solver for fast sampling of diffusion models",
    algorithm 1 with a constant τ and data prediction. As in UniPC one evaluation serves both, so
    N levels cost N; the last state is not corrected. The first steps, with fewer states to look
    back on, are of lower order.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {},
        {"tau": 0.0},
        {"tau": 0.5, "predictor_order": 3, "corrector_order": 0},
    )

    tau: Annotated[float, Ge(0)] = 1.0
    """τ: standard deviation of the noise in units of the usual reverse SDE's; 0 is the ODE."""
    predictor_order: Annotated[int, Ge(1), Le(4)] = 3
    """Number of states that the predictor looks back on, this one included."""
    corrector_order: Annotated[int, Ge(0), Le(4)] = 3
    """Number of states that the corrector looks back on besides the one arrived at; 0 for none."""

    @property
    def convergence_order(self) -> int | None:
        if self.tau:
            return None
        if not self.corrector_order:
            return self.predictor_order
        return min(self.predictor_order, self.corrector_order) + 1

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        predicted = x
        past: deque[tuple[float, Tensor]] = deque(
            maxlen=max(self.predictor_order, self.corrector_order)
        )
        fresh: Tensor | float = 0.0
        for sigma, following in pairwise(sigmas):
            s, t = float(sigma), float(following)
            here = (s, model.denoise(predicted, sigma))
            if past and self.corrector_order:
                x = (
                    self._step(x, s, [here, *list(past)[: self.corrector_order]], past[0][0])
                    + fresh
                )
            else:
                x = predicted
            past.appendleft(here)
            if self.tau:
                kept = (t / s) ** (2 * self.tau**2)
                fresh = t * math.sqrt(1 - kept) * noise.normal()
            predicted = self._step(x, t, list(past)[: self.predictor_order], s) + fresh
            yield predicted

    def _step(self, x: Tensor, t: float, known: Sequence[tuple[float, Tensor]], s: float) -> Tensor:
        """From x at s to t, without noise: the polynomial through ``known`` integrated exactly."""
        h, rate = math.log(s / t), 1 + self.tau**2
        nodes = [math.log(s / level) / h for level, _ in known]
        x = math.exp(-rate * h) * x
        for weight, (_, denoised) in zip(adams_weights(rate * h, nodes), known, strict=True):
            x = x + weight * denoised
        return x
