"""Langevin dynamics with a Metropolis–Hastings test."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from scorebench import Init, Reading, Sampler, UserError, per_sample

from .denoised import denoised
from .one_level import check_one_level

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class MALA(Sampler):
    """Metropolis-adjusted Langevin dynamics: its stationary law is p_σ whatever the step size.

    Roberts & Tweedie 1996, "Exponential convergence of Langevin distributions and their discrete
    approximations", section 1.4: a Langevin step x' = x + (η/2)·score(x) + √η·z is taken with
    probability min(1, p(x')·q(x|x')/(p(x)·q(x'|x))), q being the density of that step. Needs a
    model that has ``log_prob``, up to a constant. Rows get the column ``acceptance_rate``.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"step_size": 0.1, "steps": 20},
        {"step_size": 0.1, "steps": 20, "denoise": True, "init": "uniform"},
    )

    step_size: Annotated[float, Gt(0)]
    """Step size η, in squared data units (the convention "half" of ``langevin``)."""
    steps: Annotated[int, Ge(1)] = 1000
    """Number of iterations."""
    init: Init = "normal"
    """Start from N(0, σ²I), or uniformly over the model's value range."""
    denoise: bool = False
    """End with one denoising step D(x, σ)."""

    def trajectory(
        self, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Generator[Tensor, None, Mapping[str, Tensor]]:
        """Yield the state after every iteration, then the denoised state if asked for.

        Returns:
            ``acceptance_rate``, the fraction of steps taken.

        Raises:
            UserError: the model has no ``log_prob``.
        """
        import torch

        (sigma,) = sigmas
        log_prob = getattr(model, "log_prob", None)
        if log_prob is None:
            raise UserError("mala needs a model that has log_prob; use sampler: langevin")
        eta = self.step_size
        x = self.start(model, sigma, noise, self.init)
        score, density = model.score(x, sigma), log_prob(x, sigma)
        taken = torch.zeros_like(density)
        for _ in range(self.steps):
            z = noise.normal()
            proposal = x + eta / 2 * score + math.sqrt(eta) * z
            new_score, new_density = model.score(proposal, sigma), log_prob(proposal, sigma)
            back = (x - proposal - eta / 2 * new_score).flatten(1).square().sum(1) / eta
            ratio = new_density - density + (z.flatten(1).square().sum(1) - back) / 2
            accepted = noise.uniform().flatten(1)[:, 0].log() < ratio
            # A ratio that is no number is the model's failure, not a reason to stay.
            proposal = torch.where(per_sample(ratio.isnan(), x), torch.nan, proposal)
            accepted = accepted | ratio.isnan()
            chosen = per_sample(accepted, x)
            x = torch.where(chosen, proposal, x)
            score = torch.where(chosen, new_score, score)
            density = torch.where(accepted, new_density, density)
            taken = taken + accepted
            yield x
        if self.denoise:
            yield model.denoise(x, sigma)
        return {"acceptance_rate": taken / self.steps}

    def reading(self) -> Reading:
        """The last state of the walk without denoising, denoised if asked for.

        Not one in the middle of a longer walk, whose acceptance rate is another.
        """
        walk = replace(self, denoise=False)
        return Reading(walk, walk, end=denoised if self.denoise else None)

    def nfe(self, levels: int) -> int:
        """A score and a log-density per iteration and for the start, one for denoising."""
        check_one_level("mala", levels)
        return 2 * (self.steps + 1) + self.denoise
