"""A mixture of Gaussians, whose score is known exactly at every noise level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt, MinLen
from pydantic import FiniteFloat

from scorebench import ScoreModel, per_sample

from .covariance import decompose
from .value_range import ValueRange

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context, Noise

Vector = Annotated[list[FiniteFloat], MinLen(1)]


@dataclass(frozen=True, kw_only=True)
class GaussianMixture:
    """Data from Σₖ wₖ·N(μₖ, Σₖ) in d dimensions, K components: everything in closed form.

    Blurred by N(0, σ²I) it is the mixture of N(μₖ, Σₖ + σ²I). Multimodal with an exact score: what
    a sampler gets wrong, modes it misses or weights it distorts, is the sampler's own doing.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"means": [[-2, 0], [2, 1]], "weights": [1, 3], "stds": [0.3, 1]},
        {"means": [[-2, 0], [2, 1]], "covariances": [[[1, 0.3], [0.3, 1]], [[1, 0], [0, 0.1]]]},
        {"means": [[-2], [2]], "stds": [0, 0]},
    )

    means: Annotated[list[Vector], MinLen(1)]
    """μₖ: K lists of d numbers."""
    weights: list[Annotated[FiniteFloat, Gt(0)]] | None = None
    """wₖ: K numbers, divided by their sum; equal where not given."""
    stds: list[Annotated[FiniteFloat, Ge(0)]] | None = None
    """Standard deviation of each component, the same in all directions: K numbers; 0 is a point
    mass; 1 where neither these nor covariances are given."""
    covariances: list[list[Vector]] | None = None
    """Σₖ, instead of stds: K symmetric, positive semi-definite matrices of d rows."""
    value_range: ValueRange | None = None
    """Bounds of the data, e.g. [-1, 1]; unbounded where there are none."""

    def __post_init__(self) -> None:
        if self.stds is not None and self.covariances is not None:
            raise ValueError("give stds or covariances, not both")
        if len({len(mean) for mean in self.means}) > 1:
            raise ValueError("means must all have the same length")
        for name in ("weights", "stds", "covariances"):
            given = getattr(self, name)
            if given is not None and len(given) != len(self.means):
                raise ValueError(f"{name} has {len(given)} entries for {len(self.means)} means")
        for covariance in self.covariances or ():
            if len(decompose(covariance)[0]) != len(self.means[0]):
                raise ValueError(
                    f"dimensions differ: means have {len(self.means[0])} and a covariance has "
                    f"{len(covariance)}"
                )

    def load(self, context: Context) -> GaussianMixtureModel:
        """The exact model of vectors ``[d]``."""
        import torch

        tensor = partial(torch.tensor, dtype=context.dtype, device=context.device)
        means = np.array(self.means)
        weights = np.ones(len(means)) if self.weights is None else np.array(self.weights)
        if self.covariances is None:
            variances = np.ones(len(means)) if self.stds is None else np.square(self.stds)
            eigenvalues, bases = np.broadcast_to(variances[:, None], means.shape), None
        else:
            parts = [decompose(covariance) for covariance in self.covariances]
            eigenvalues = np.stack([part[0] for part in parts])
            bases = tensor(np.stack([part[1] for part in parts]))
        return GaussianMixtureModel(
            torch.from_numpy(weights / weights.sum()),
            tensor(means),
            tensor(eigenvalues),
            bases,
            self.value_range,
        )


class GaussianMixtureModel(ScoreModel):
    """Σₖ wₖ·N(μₖ, Vₖ diag(λₖ) Vₖᵀ).

    Args:
        weights: w ``[K]``, float64 on the CPU, summing to 1.
        means: μ ``[K, d]``.
        eigenvalues: λ ``[K, d]``, ≥ 0.
        bases: V ``[K, d, d]``, orthonormal columns; None where they are all the identity.
        value_range: bounds of the data, None where unbounded.
    """

    def __init__(
        self,
        weights: Tensor,
        means: Tensor,
        eigenvalues: Tensor,
        bases: Tensor | None,
        value_range: tuple[float, float] | None,
    ) -> None:
        self.weights, self.means, self.eigenvalues, self.bases = weights, means, eigenvalues, bases
        self.log_weights = weights.log().to(means)
        self.event_shape, self.value_range = tuple(means.shape[1:]), value_range
        self.device, self.dtype = means.device, means.dtype

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """−Σₖ rₖ(x)·(Σₖ + σ²I)⁻¹(x − μₖ) for x ``[B, d]``; at σ = 0 only without point masses.

        rₖ(x) is the posterior probability of component k.
        """
        rotated, variances = self._rotated(x), self._variances(x, sigma)
        share = self._log_joint(rotated, variances).softmax(-1)
        return -self._combined(share, rotated / variances)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Σₖ rₖ(x)·(μₖ + Σₖ(Σₖ + σ²I)⁻¹(x − μₖ)) for x ``[B, d]``."""
        rotated, variances = self._rotated(x), self._variances(x, sigma)
        share = self._log_joint(rotated, variances).softmax(-1)
        return share @ self.means + self._combined(share, self.eigenvalues / variances * rotated)

    def log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        """log Σₖ wₖ·N(x; μₖ, Σₖ + σ²I) in nats, ``[B]``, for x ``[B, d]``."""
        return self._log_joint(self._rotated(x), self._variances(x, sigma)).logsumexp(-1)

    def draw(self, count: int, noise: Noise) -> Tensor:
        """``count`` exact samples of the data, ``[count, d]``: a component, then a point of it."""
        uniform = noise.uniform()[:count, 0].cpu().double()
        index = (uniform[:, None] >= self.weights.cumsum(0)[:-1]).sum(1).to(self.device)
        spread = noise.normal()[:count] * self.eigenvalues[index].sqrt()
        if self.bases is not None:
            spread = (self.bases[index] @ spread[:, :, None]).squeeze(-1)
        return self.means[index] + spread

    def _rotated(self, x: Tensor) -> Tensor:
        """Vₖᵀ(x − μₖ), ``[B, K, d]``."""
        difference = x[:, None] - self.means
        if self.bases is None:
            return difference
        return (difference.transpose(0, 1) @ self.bases).transpose(0, 1)

    def _combined(self, share: Tensor, rotated: Tensor) -> Tensor:
        """Σₖ shareₖ·Vₖ·rotatedₖ, ``[B, d]``."""
        weighted = share[:, :, None] * rotated
        if self.bases is None:
            return weighted.sum(1)
        return (weighted.transpose(0, 1) @ self.bases.mT).sum(0)

    def _variances(self, x: Tensor, sigma: Tensor) -> Tensor:
        """λ + σ², ``[K, d]`` or ``[B, K, d]``."""
        return self.eigenvalues + per_sample(sigma, x[:, None]).to(x.dtype) ** 2

    def _log_joint(self, rotated: Tensor, variances: Tensor) -> Tensor:
        """log wₖ·N(x; μₖ, Σₖ + σ²I), ``[B, K]``."""
        terms = rotated**2 / variances + (2 * math.pi * variances).log()
        return self.log_weights - terms.sum(-1) / 2
