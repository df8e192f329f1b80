"""Langevin dynamics with momentum."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from scorebench import Init, Reading, Sampler

from .denoised import denoised
from .one_level import check_one_level

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class UnderdampedLangevin(Sampler):
    """Kinetic Langevin dynamics dx = v dt, dv = score dt − γv dt + √(2γ) dW, split as BAOAB.

    Leimkuhler & Matthews 2013, "Rational construction of stochastic numerical methods for
    molecular sampling", method BAOAB with unit mass and temperature: half a kick (B), half a drift
    (A), the exact friction and noise (O), half a drift, half a kick. On Gaussian data the
    positions have the right variance whatever the step, as long as it is stable
    (h < 2 standard deviations).
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"step_size": 0.3, "steps": 20},
        {"step_size": 0.3, "steps": 20, "friction": 0.0, "denoise": True, "init": "uniform"},
    )

    step_size: Annotated[float, Gt(0)]
    """Step h in time; as mass is 1, in data units (not squared)."""
    steps: Annotated[int, Ge(1)] = 1000
    """Number of iterations."""
    friction: Annotated[float, Ge(0)] = 1.0
    """Friction γ, per unit of time; 0 is Hamiltonian dynamics, which moves farthest."""
    init: Init = "normal"
    """Start from N(0, σ²I), or uniformly over the model's value range."""
    denoise: bool = False
    """End with one denoising step D(x, σ)."""

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the position after every iteration, then the denoised one if asked for."""
        (sigma,) = sigmas
        h, kept = self.step_size, math.exp(-self.friction * self.step_size)
        fresh = math.sqrt(1 - kept**2)
        x = self.start(model, sigma, noise, self.init)
        velocity = noise.normal()
        score = model.score(x, sigma)
        for _ in range(self.steps):
            velocity = velocity + h / 2 * score
            x = x + h / 2 * velocity
            if fresh:
                velocity = kept * velocity + fresh * noise.normal()
            x = x + h / 2 * velocity
            score = model.score(x, sigma)
            velocity = velocity + h / 2 * score
            yield x
        if self.denoise:
            yield model.denoise(x, sigma)

    def reading(self) -> Reading:
        """A chain's states are the first of a longer one's, and may then be denoised."""
        walk = replace(self, denoise=False)
        end = denoised if self.denoise else None
        return Reading(walk, replace(walk, steps=1), states=self.steps, end=end)

    def nfe(self, levels: int) -> int:
        """One evaluation per iteration, one for the start, one for denoising."""
        check_one_level("underdamped_langevin", levels)
        return self.steps + 1 + self.denoise
