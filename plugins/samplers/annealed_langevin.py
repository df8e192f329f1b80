"""Annealed Langevin dynamics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from scorebench import Convention, Init, Reading, Sampler

from .denoised import denoised
from .langevin_step import langevin_factors, langevin_step

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class AnnealedLangevin(Sampler):
    """Langevin dynamics at each noise level in turn, with steps that shrink as σ² does.

    Song & Ermon 2019, "Generative modeling by estimating gradients of the data distribution",
    algorithm 1: at level i, T steps of size αᵢ = ε·σᵢ²/σ_L². Published without a final denoising
    step, which Jolicoeur-Martineau et al. 2021 found to decide the FID: set ``denoise``.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"step_size": 1e-3, "steps_per_level": 3},
        {"step_size": 1e-3, "steps_per_level": 2, "convention": "full", "denoise": True},
        {"step_size": 1e-3, "steps_per_level": 2, "noise_scale": 0.0, "init": "uniform"},
    )

    step_size: Annotated[float, Gt(0)] = 2e-5
    """Step size ε at the smallest noise level, in squared data units."""
    steps_per_level: Annotated[int, Ge(1)] = 100
    """Langevin iterations T at every noise level."""
    convention: Convention = "half"
    """half: (α/2)·s + √α·z, as in the paper; full: α·s + √(2α)·z, as in most image code."""
    noise_scale: Annotated[float, Ge(0)] = 1.0
    """Factor on the noise z; 0 is pure gradient ascent."""
    init: Init = "normal"
    """Start from N(0, σ₁²I), or uniformly over the model's value range."""
    denoise: bool = False
    """End with one denoising step D(x, σ_L)."""

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state after every noise level, then the denoised state if asked for."""
        x = self.start(model, sigmas[0], noise, self.init)
        for sigma in sigmas:
            alpha = self.step_size * float(sigma / sigmas[-1]) ** 2
            for _ in range(self.steps_per_level):
                score = model.score(x, sigma)
                x = langevin_step(x, score, noise, alpha, self.convention, self.noise_scale)
            yield x
        if self.denoise:
            yield model.denoise(x, sigmas[-1])

    def reading(self) -> Reading:
        """The last state of the walk without denoising, denoised if asked for."""
        walk = replace(self, denoise=False)
        return Reading(walk, walk, end=denoised if self.denoise else None)

    def nfe(self, levels: int) -> int:
        """T evaluations per level, one for denoising."""
        return levels * self.steps_per_level + self.denoise

    def closed_form(
        self, sigmas: Sequence[float], variance: float
    ) -> Iterator[tuple[float, float]]:
        yield 0.0, sigmas[0] if self.init == "normal" else 1.0
        for sigma in sigmas:
            alpha = self.step_size * sigma**2 / sigmas[-1] ** 2
            drift, diffusion = langevin_factors(alpha, self.convention)
            for _ in range(self.steps_per_level):
                yield 1 - drift / (variance + sigma**2), self.noise_scale * diffusion
        if self.denoise:
            yield variance / (variance + sigmas[-1] ** 2), 0.0
