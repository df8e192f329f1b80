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

    denoise: bool = True
    """End with the Euler step to σ = 0, which is D(x, σ_L)."""

    @property
    def convergence_order(self) -> int | None:
        return None if self.s_churn else 2

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state at every noise level, then at 0 if ``denoise``."""
        steps = len(sigmas)
        x = self.start(model, sigmas[0], noise)
        yield x
        for sigma, following in pairwise(sigmas):
            x, sigma = self.churned(x, sigma, steps, noise)
            step = float(following - sigma)
            slope = (x - model.denoise(x, sigma)) / float(sigma)
            euler = x + step * slope
            corrected = (euler - model.denoise(euler, following)) / float(following)
            x = x + step / 2 * (slope + corrected)
            yield x
        if self.denoise:
            yield model.denoise(*self.churned(x, sigmas[-1], steps, noise))

    def nfe(self, levels: int) -> int:
        """Two evaluations per step between levels, one for the step to 0."""
        return 2 * (levels - 1) + self.denoise

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
