"""Langevin dynamics under a prior that has no gradient: a plugin of scorebench."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt

import scorebench

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class MYULA(scorebench.Sampler):
    """Moreau–Yosida unadjusted Langevin algorithm at the schedule's only noise level.

    Durmus, Moulines & Pereyra 2018, "Efficient Bayesian computation by proximal Markov chain Monte
    Carlo: when Langevin meets Moreau". The target is p_σ(x)·exp(−g(x)) with g convex, but not
    smooth. Its Moreau–Yosida envelope is, with gradient (x − prox(x))/λ, so a step is

        x ← x + η·score(x, σ) − (η/λ)·(x − prox(x)) + √(2η)·z,

    where prox(x) = argmin_y g(y) + |x − y|²/(2λ). The stationary law tends to the target as λ and
    η tend to 0. The chain is stable where η·(L + 1/λ) < 2, L being the score's Lipschitz constant.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"step_size": 0.05, "smoothing": 0.1, "steps": 20},
        {"step_size": 0.05, "smoothing": 0.1, "steps": 20, "init": "uniform", "denoise": True},
        {"step_size": 0.05, "smoothing": 0.1, "steps": 20, "prior": "l1", "weight": 2.0},
    )

    step_size: Annotated[float, Gt(0)]
    """Step size η, in squared data units (the convention "full" of ``langevin``)."""
    smoothing: Annotated[float, Gt(0)]
    """λ, in squared data units: how far the prior is smoothed."""
    steps: Annotated[int, Ge(1)] = 1000
    """Number of iterations."""
    prior: Literal["box", "l1"] = "box"
    """box: g is 0 within the model's value range and ∞ outside, so 0 everywhere where the model has
    none; l1: g(x) = weight·|x|₁."""
    weight: Annotated[float, Gt(0)] = 1.0
    """Weight of the l1 prior, in inverse data units; the box has none."""
    init: scorebench.Init = "normal"
    """Start from N(0, σ²I), or uniformly over the model's value range."""
    denoise: bool = False
    """End with one denoising step D(x, σ), which doesn't know the prior."""

    def trajectory(
        self, model: scorebench.ScoreModel, sigmas: Tensor, noise: scorebench.Noise
    ) -> Iterator[Tensor]:
        """Yield the state after every iteration, then the denoised state if asked for."""
        (sigma,) = sigmas
        x = self.start(model, sigma, noise, self.init)
        for _ in range(self.steps):
            pull = (self.prox(x, model.value_range) - x) / self.smoothing
            drift = model.score(x, sigma) + pull
            x = x + self.step_size * drift + math.sqrt(2 * self.step_size) * noise.normal()
            yield x
        if self.denoise:
            yield model.denoise(x, sigma)

    def reading(self) -> scorebench.Reading:
        """A chain's states are the first of a longer one's, and may then be denoised."""
        walk = replace(self, denoise=False)
        end = denoised if self.denoise else None
        return scorebench.Reading(walk, replace(walk, steps=1), states=self.steps, end=end)

    def prox(self, x: Tensor, value_range: tuple[float, float] | None) -> Tensor:
        """argmin_y g(y) + |x − y|²/(2λ): clamp to the box, or shrink by λ·weight towards 0."""
        if self.prior == "l1":
            return x.sign() * (x.abs() - self.smoothing * self.weight).clamp_min(0)
        return x if value_range is None else x.clamp(*value_range)

    def nfe(self, levels: int) -> int:
        """One evaluation per iteration, one for denoising."""
        if levels != 1:
            raise ValueError(
                f"myula stays at one noise level, but the schedule has {levels}; "
                "use schedule: constant"
            )
        return self.steps + self.denoise

    def closed_form(
        self, sigmas: Sequence[float], variance: float
    ) -> list[tuple[float, float]] | None:
        """That of Langevin dynamics for the box, since Gaussian data are unbounded; l1: None."""
        if self.prior == "l1":
            return None
        (sigma,) = sigmas
        total = variance + sigma**2
        start = (0.0, sigma if self.init == "normal" else 1.0)
        step = (1 - self.step_size / total, math.sqrt(2 * self.step_size))
        return [start, *[step] * self.steps, *[(variance / total, 0.0)] * self.denoise]


def denoised(
    x: Tensor, model: scorebench.ScoreModel, sigmas: Tensor, noise: scorebench.Noise
) -> Tensor:
    """D(x, σ) of a chain's state."""
    return model.denoise(x, sigmas[-1])


@scorebench.hookimpl
def scorebench_samplers() -> Iterator[scorebench.Component]:
    yield scorebench.Component(
        "myula", MYULA, "Langevin dynamics under a prior, Durmus et al. 2018"
    )
