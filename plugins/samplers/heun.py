"""Heun's method on the probability-flow ODE, with churn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .churn import Churned

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class Heun(Churned):
    """Heun's method of order 2, each step optionally preceded by fresh noise ("churn").

    Karras et al. 2022, "Elucidating the design space of diffusion-based generative models",
    algorithm 1 (deterministic, ``s_churn = 0``) and algorithm 2 (stochastic). The last step, to
    σ = 0, is an Euler step: it is D(x, σ_L).
    """

    evaluations_per_step = 2

    @property
    def convergence_order(self) -> int | None:
        return None if self.s_churn else 2

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        for sigma, following in pairwise(sigmas):
            x, sigma = self.churned(x, sigma, len(sigmas), noise)
            s, t = float(sigma), float(following)
            slope = (x - model.denoise(x, sigma)) / s
            euler = x + (t - s) * slope
            corrected = (euler - model.denoise(euler, following)) / t
            x = x + (t - s) / 2 * (slope + corrected)
            yield x

    def closed_form(
        self, sigmas: Sequence[float], variance: float
    ) -> Iterator[tuple[float, float]]:
        yield 0.0, sigmas[0]
        for raised, added, following in self.churned_steps(sigmas):
            if following or self.denoise:
                if added:
                    yield 1.0, added
                step, slope = following - raised, raised / (variance + raised**2)
                corrected = following / (variance + following**2) * (1 + step * slope)
                yield 1 + step * ((slope + corrected) / 2 if following else slope), 0.0
