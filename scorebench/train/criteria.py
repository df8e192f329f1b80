"""The objectives a config can name, with their parameters and what each of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Protocol

import torch
from annotated_types import Gt
from pydantic import FiniteFloat
from torch import Tensor

from scorebench.plugin.contracts import ScoreModel, per_sample
from scorebench.train import objectives
from scorebench.train.objectives import Weighting
from scorebench.train.preconditioning import LearnedField


@dataclass(frozen=True)
class Batch:
    """What a step of training sees.

    Attributes:
        x0: data, ``[B, *event]``.
        sigma: a noise level for each, ``[B]``.
        z: from N(0, I), ``[B, *event]``.
        target: the model the data are drawn from, where that is known.
    """

    x0: Tensor
    sigma: Tensor
    z: Tensor
    target: ScoreModel | None = None

    @property
    def noisy(self) -> Tensor:
        """Draws from p_σ: x₀ + σz."""
        return self.x0 + per_sample(self.sigma, self.x0) * self.z


class Criterion(Protocol):
    """An objective with its parameters.

    Attributes:
        regresses_on_noise: whether it is undefined at σ = 0.
    """

    regresses_on_noise: ClassVar[bool]

    def losses(self, field: LearnedField, batch: Batch) -> Tensor:
        """The loss of every sample, ``[B]``, summed over its dimensions."""


@dataclass(frozen=True, kw_only=True)
class FisherDivergence:
    """½‖s − ∇log p_σ‖², where the config's ``target`` knows the true score."""

    regresses_on_noise: ClassVar = False
    weighting: Weighting = "sigma_squared"
    """What a noise level's loss is multiplied by."""

    def losses(self, field: LearnedField, batch: Batch) -> Tensor:
        assert batch.target is not None
        x = batch.noisy
        with torch.no_grad():
            true_score = batch.target.score(x, batch.sigma)
        losses = objectives.fisher_divergence(field.score, true_score, x, batch.sigma)
        return objectives.weight(self.weighting, batch.sigma) * losses


@dataclass(frozen=True, kw_only=True)
class Implicit:
    """tr ∇s + ½‖s‖², with the exact trace: one backward pass for every dimension."""

    regresses_on_noise: ClassVar = False
    weighting: Weighting = "sigma_squared"
    """What a noise level's loss is multiplied by; at σ = 0 only none makes sense."""

    def losses(self, field: LearnedField, batch: Batch) -> Tensor:
        losses = objectives.implicit(field.score, batch.noisy, batch.sigma)
        return objectives.weight(self.weighting, batch.sigma) * losses


@dataclass(frozen=True, kw_only=True)
class Sliced:
    """vᵀ∇s v + ½‖s‖² along random directions v from N(0, I): one backward pass each."""

    regresses_on_noise: ClassVar = False
    projections: Annotated[int, Gt(0)] = 1
    """Directions a sample and step."""
    weighting: Weighting = "sigma_squared"
    """What a noise level's loss is multiplied by; at σ = 0 only none makes sense."""

    def losses(self, field: LearnedField, batch: Batch) -> Tensor:
        x, sigma = batch.noisy, batch.sigma
        sums = [
            objectives.sliced(field.score, x, sigma, torch.randn_like(x))
            for _ in range(self.projections)
        ]
        mean = torch.stack(sums).mean(0)
        return objectives.weight(self.weighting, sigma) * mean


@dataclass(frozen=True, kw_only=True)
class DSM:
    """½‖s(x₀ + σz) + z/σ‖² at a single noise level."""

    regresses_on_noise: ClassVar = True

    def losses(self, field: LearnedField, batch: Batch) -> Tensor:
        return objectives.dsm(field.score, batch.x0, batch.sigma, batch.z)


@dataclass(frozen=True, kw_only=True)
class NCSN:
    """λ(σ)·½‖s(x₀ + σz, σ) + z/σ‖² over the levels of a noise schedule."""

    regresses_on_noise: ClassVar = True
    weighting: Weighting = "sigma_squared"
    """λ: what a noise level's loss is multiplied by."""

    def losses(self, field: LearnedField, batch: Batch) -> Tensor:
        return objectives.ncsn(
            field.score, batch.x0, batch.sigma, batch.z, weighting=self.weighting
        )


@dataclass(frozen=True, kw_only=True)
class EDM:
    """λ(σ)‖D(x₀ + σz, σ) − x₀‖² with ln σ from N(mean, std²), whatever the noise schedule."""

    regresses_on_noise: ClassVar = True
    mean: FiniteFloat = -1.2
    """Mean of ln σ."""
    std: Annotated[FiniteFloat, Gt(0)] = 1.2
    """Standard deviation of ln σ."""

    def losses(self, field: LearnedField, batch: Batch) -> Tensor:
        return objectives.edm(
            field.denoise, batch.x0, batch.sigma, batch.z, sigma_data=field.sigma_data
        )


CRITERIA: Mapping[str, type[Criterion]] = {
    "fisher_divergence": FisherDivergence,
    "implicit": Implicit,
    "sliced": Sliced,
    "dsm": DSM,
    "ncsn": NCSN,
    "edm": EDM,
}
