"""UniPC: a multistep predictor whose corrector costs no evaluation."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .down_to_zero import DownToZero
from .exponential_integrals import adams_weights

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

        The polynomial through what is known is integrated exactly, but for a line, whose slope
        counts B(h)/2 instead.
        """
        (s, newest), *older = past
        h, grown = math.log(s / following), 1 - following / s
        known = [*older, *([] if arrived is None else [(following, arrived)])]
        nodes = [math.log(s / level) / h for level, _ in known]
        weights = adams_weights(h, [0.0, *nodes])
        if len(known) == 1:
            slope = (h if self.variant == "bh1" else grown) / 2 / nodes[0]
            weights = [grown - slope, slope]
        x = following / s * x + weights[0] * newest
        for weight, (_, denoised) in zip(weights[1:], known, strict=True):
            x = x + weight * denoised
        return x
