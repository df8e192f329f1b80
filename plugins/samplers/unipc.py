"""UniPC: a multistep predictor whose corrector costs no evaluation."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from .down_to_zero import DownToZero
from .exponential_integrals import exponential_integrals

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class UniPC(DownToZero):
    """A step of order p to the next level, mended with what the model says of where it led.

    Zhao et al. 2023, "UniPC: a unified predictor-corrector framework for fast sampling of
    diffusion models", algorithms 1 and 2 (UniC and UniP), multistep and with data prediction. The
    evaluation at a predicted state serves the corrector there and the next predictor, so N levels
    cost N evaluations, and the order becomes p + 1. The last state is not corrected, which would
    cost one more. The first steps, with fewer states to look back on, are of lower order.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({}, {"order": 2}, {"variant": "bh1"})

    order: Literal[2, 3] = 3
    """Order p of the predictor."""
    variant: Literal["bh1", "bh2"] = "bh2"
    """B(h) of a step that has a single unknown coefficient: bh1 is h, bh2 is 1 − e^(−h)."""

    @property
    def convergence_order(self) -> int:
        return self.order + 1

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        predicted = x
        past: deque[tuple[float, Tensor]] = deque(maxlen=self.order)
        for sigma, following in pairwise(sigmas):
            s = float(sigma)
            denoised = model.denoise(predicted, sigma)
            if past:
                x = self._step(x, s, list(past), denoised)
            past.appendleft((s, denoised))
            predicted = self._step(x, float(following), list(past))
            yield predicted

    def _step(
        self,
        x: Tensor,
        following: float,
        past: Sequence[tuple[float, Tensor]],
        arrived: Tensor | None = None,
    ) -> Tensor:
        """From x at the newest level of ``past``; corrected where ``arrived`` is D at the next.

        Differences Dₘ − D₀ over rₘ, the distance of their level in units of the step,
        are weighted so that every power of it up to the order is integrated exactly.
        """
        (s, newest), *older = past
        h = math.log(s / following)
        ratios = [math.log(s / level) / h for level, _ in older]
        others = [denoised for _, denoised in older]
        if arrived is not None:
            ratios, others = [*ratios, 1.0], [*others, arrived]
        integrals = exponential_integrals(h, len(ratios) + 1)
        if len(ratios) == 1:
            weights = [(h if self.variant == "bh1" else integrals[0]) / 2]
        else:
            powers = np.vander(ratios, increasing=True).T
            weights = np.linalg.solve(powers, integrals[1:]).tolist()
        x = following / s * x + integrals[0] * newest
        for weight, ratio, denoised in zip(weights, ratios, others, strict=True):
            x = x + weight / ratio * (denoised - newest)
        return x
