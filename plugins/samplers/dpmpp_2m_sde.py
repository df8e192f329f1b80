"""SDE-DPM-Solver++ of order 2, multistep."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge

from .down_to_zero import DownToZero

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DPMpp2MSDE(DownToZero):
    """DPM-Solver++(2M) on the reverse SDE, with η times its usual noise (in variance).

    Lu et al. 2022, "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic
    models", there called SDE-DPM-Solver++(2M): η = 1. The family of SDEs in between,
    with e^(−h) becoming e^(−(1 + η)h), is k-diffusion's; η = 0 is DPM-Solver++(2M).
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({}, {"eta": 0.0}, {"eta": 0.5})

    eta: Annotated[float, Ge(0)] = 1.0
    """η: the amount of fresh noise; 0 is the ODE, 1 the reverse SDE of the diffusion."""

    @property
    def convergence_order(self) -> int | None:
        return None if self.eta else 2

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        earlier, earlier_h = None, 0.0
        for sigma, following in pairwise(sigmas):
            t = float(following)
            h = math.log(float(sigma) / t)
            denoised = model.denoise(x, sigma)
            data = denoised
            if earlier is not None:
                data = denoised + h / (2 * earlier_h) * (denoised - earlier)
            x = data + math.exp(-(1 + self.eta) * h) * (x - data)
            if self.eta:
                x = x + t * math.sqrt(-math.expm1(-2 * self.eta * h)) * noise.normal()
            yield x
            earlier, earlier_h = denoised, h
