"""DPM-Solver++ of order 3, multistep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .down_to_zero import DownToZero
from .dpmpp_3m_sde import DPMpp3MSDE

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DPMpp3M(DownToZero):
    """The parabola through the last three denoised states in −log σ, integrated over each step.

    Lu et al. 2022, "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic
    models", its multistep solver carried to order 3. See ``dpmpp_3m_sde`` for where
    published code differs.
    """

    @property
    def convergence_order(self) -> int:
        return 3

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        return DPMpp3MSDE(eta=0.0).descend(x, model, sigmas, noise)
