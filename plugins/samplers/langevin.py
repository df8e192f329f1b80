"""Unadjusted Langevin dynamics at one noise level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Gt

from scorebench import Convention, Init, Sampler

from .langevin_step import langevin_step

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class Langevin(Sampler):
    """Unadjusted Langevin dynamics at the schedule's only noise level.

    x ← x + (η/2)·score(x, σ) + √η·z (Welling & Teh 2011, eq. 4, without subsampling). Its
    stationary law differs from p_σ by O(η); without noise the chain collapses onto modes.
    """

    step_size: Annotated[float, Gt(0)]
    """Step size η, in squared data units."""
    steps: Annotated[int, Ge(1)] = 1000
    """Number of iterations."""
    convention: Convention = "half"
    """half: (η/2)·s + √η·z, as in papers; full: η·s + √(2η)·z, as in most image code."""
    noise_scale: Annotated[float, Ge(0)] = 1.0
    """Factor on the noise z; 0 is pure gradient ascent."""
    init: Init = "normal"
    """Start from N(0, σ²I), or uniformly over the model's value range."""
    denoise: bool = False
    """End with one denoising step D(x, σ)."""

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state after every iteration, then the denoised state if asked for."""
        (sigma,) = sigmas
        x = self.start(model, sigma, noise, self.init)
        for _ in range(self.steps):
            score = model.score(x, sigma)
            x = langevin_step(x, score, noise, self.step_size, self.convention, self.noise_scale)
            yield x
        if self.denoise:
            yield model.denoise(x, sigma)

    def nfe(self, levels: int) -> int:
        """One evaluation per iteration, one for denoising."""
        if levels != 1:
            raise ValueError(
                f"langevin stays at one noise level, but the schedule has {levels}; "
                "use schedule: constant or sampler: annealed_langevin"
            )
        return self.steps + self.denoise
