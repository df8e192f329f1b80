"""Annealed Langevin dynamics whose noise is always that of the level it is at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Gt

from scorebench import Init, Sampler, UserError

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class ConsistentAnnealedLangevin(Sampler):
    """One step per level, with as much noise as the next level needs: x ← x + ησ²·s + βσ'·z.

    Jolicoeur-Martineau et al. 2021, "Adversarial score matching and improved sampling for image
    generation", algorithm 2: η = ε/σ_L², and β = √(1 − ((1 − η)·σ/σ')²) tops up to σ' the noise
    that is left, (1 − η)·σ. The last step adds none. Levels needn't be geometric here.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"step_size": 0.0025},
        {"step_size": 0.0025, "denoise": True, "init": "uniform"},
    )

    step_size: Annotated[float, Gt(0)]
    """Step size ε at the smallest noise level σ_L: within 1 ± γ times σ_L², for the smallest ratio
    γ of neighbouring levels; in squared data units."""
    init: Init = "normal"
    """Start from N(0, σ₁²I), or uniformly over the model's value range."""
    denoise: bool = False
    """Make the last step a whole one: D(x, σ_L) instead of x + ησ_L²·score."""

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state after the step at every noise level.

        Raises:
            UserError: the step size doesn't suit the noise levels.
        """
        eta = self._eta(sigmas.tolist())
        x = self.start(model, sigmas[0], noise, self.init)
        for sigma, following in pairwise(sigmas):
            s, t = float(sigma), float(following)
            beta = math.sqrt(max(0.0, 1 - ((1 - eta) * s / t) ** 2))
            x = x + eta * s**2 * model.score(x, sigma) + beta * t * noise.normal()
            yield x
        share = 1.0 if self.denoise else eta
        yield x + share * float(sigmas[-1]) ** 2 * model.score(x, sigmas[-1])

    def _eta(self, sigmas: Sequence[float]) -> float:
        eta = self.step_size / sigmas[-1] ** 2 if sigmas[-1] else math.inf
        ratio = min((t / s for s, t in pairwise(sigmas)), default=1.0)
        if abs(1 - eta) > ratio + 1e-6:  # what is told below has eight digits
            least, most = ((1 + sign * ratio) * sigmas[-1] ** 2 for sign in (-1, 1))
            raise UserError(
                f"consistent_annealed_langevin: step_size {self.step_size:g} must be between "
                f"{least:.8g} and {most:.8g} on these noise levels; change it, or add levels"
            )
        return eta

    def nfe(self, levels: int) -> int:
        """One evaluation per level; denoising only lengthens the last step."""
        return levels

    def closed_form(
        self, sigmas: Sequence[float], variance: float
    ) -> Iterator[tuple[float, float]]:
        eta = self._eta(sigmas)
        yield 0.0, sigmas[0] if self.init == "normal" else 1.0
        for sigma, following in pairwise(sigmas):
            left = (1 - eta) * sigma
            added = max(0.0, following**2 - left**2) ** 0.5
            yield 1 - eta * sigma**2 / (variance + sigma**2), added
        share = 1.0 if self.denoise else eta
        yield 1 - share * sigmas[-1] ** 2 / (variance + sigmas[-1] ** 2), 0.0
