"""Unadjusted Langevin dynamics at one noise level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from scorebench import Convention, Init, Reading, Sampler

from .denoised import denoised
from .langevin_step import langevin_factors, langevin_step
from .one_level import check_one_level

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class Langevin(Sampler):
    """Unadjusted Langevin dynamics at the schedule's only noise level.

    x ← x + (η/2)·score(x, σ) + √η·z (Welling & Teh 2011, eq. 4, without subsampling). Its
    stationary law differs from p_σ by O(η); without noise the chain collapses onto modes.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"step_size": 0.1, "steps": 20},
        {"step_size": 0.1, "steps": 20, "convention": "full", "noise_scale": 0.5},
        {"step_size": 0.1, "steps": 20, "noise_scale": 0.0, "denoise": True, "init": "uniform"},
    )

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

    def reading(self) -> Reading:
        """A chain's states are the first of a longer one's, and may then be denoised."""
        walk = replace(self, denoise=False)
        end = denoised if self.denoise else None
        return Reading(walk, replace(walk, steps=1), states=self.steps, end=end)

    def nfe(self, levels: int) -> int:
        """One evaluation per iteration, one for denoising."""
        check_one_level("langevin", levels)
        return self.steps + self.denoise

    def closed_form(
        self, sigmas: Sequence[float], variance: float
    ) -> Iterator[tuple[float, float]]:
        (sigma,) = sigmas
        total = variance + sigma**2
        drift, diffusion = langevin_factors(self.step_size, self.convention)
        yield 0.0, sigma if self.init == "normal" else 1.0
        for _ in range(self.steps):
            yield 1 - drift / total, self.noise_scale * diffusion
        if self.denoise:
            yield variance / total, 0.0
