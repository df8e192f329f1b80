"""DPM-Solver++ of order 3, multistep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scorebench import Sampler

from .dpmpp_3m_sde import DPMpp3MSDE

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DPMpp3M(Sampler):
    """The parabola through the last three denoised states in −log σ, integrated over each step.

    Lu et al. 2022, "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic
    models", section 4.2: SDE-DPM-Solver++(3M) without noise. See ``dpmpp_3m_sde`` for where
    published code differs.
    """

    denoise: bool = True
    """End with the Euler step to σ = 0, which is D(x, σ_L)."""

    @property
    def convergence_order(self) -> int:
        return 3

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state at every noise level, then at 0 if ``denoise``."""
        return DPMpp3MSDE(eta=0.0, denoise=self.denoise).trajectory(model, sigmas, noise)

    def nfe(self, levels: int) -> int:
        """One evaluation per step between levels, one for the step to 0."""
        return levels - 1 + self.denoise
