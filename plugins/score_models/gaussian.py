"""One Gaussian, whose score is known exactly at every noise level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, MinLen
from pydantic import FiniteFloat

from scorebench import ScoreModel, per_sample

from .covariance import decompose
from .value_range import ValueRange

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context, Noise

Vector = Annotated[list[FiniteFloat], MinLen(1)]
Deviation = Annotated[FiniteFloat, Ge(0)]
Deviations = Annotated[list[Deviation], MinLen(1)]


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """Data from N(μ, Σ) in d dimensions: score, denoiser and density in closed form.

    Blurred by N(0, σ²I) it is N(μ, Σ + σ²I). A sampler's error is then its own, the model has
    none. A single number is used in all dimensions; d is the length of whichever parameter is a
    list, 1 where none is.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {},
        {"mean": [1, -2], "covariance": [[2, 0.5], [0.5, 1]]},
    )

    mean: FiniteFloat | Vector = 0.0
    """μ: a number or a list of d."""
    std: Deviation | Deviations | None = None
    """Standard deviation of independent coordinates: a number or a list of d; 0 is a point mass;
    1 where neither this nor covariance is given."""
    covariance: Annotated[list[Vector], MinLen(1)] | None = None
    """Σ, instead of std: d rows of d numbers, symmetric and positive semi-definite."""
    value_range: ValueRange | None = None
    """Bounds of the data, e.g. [-1, 1]; unbounded where there are none."""

    def __post_init__(self) -> None:
        if self.std is not None and self.covariance is not None:
            raise ValueError("give std or covariance, not both")
        given = {"mean": self.mean, "std": self.std, "covariance": self.covariance}
        sizes = {name: len(value) for name, value in given.items() if isinstance(value, list)}
        if len(set(sizes.values())) > 1:
            told = " and ".join(f"{name} has {size}" for name, size in sizes.items())
            raise ValueError(f"dimensions differ: {told}")
        if self.covariance is not None:
            decompose(self.covariance)

    def load(self, context: Context) -> GaussianModel:
        """The exact model of vectors ``[d]``."""
        import torch

        if self.covariance is None:
            variances = np.square(1.0 if self.std is None else self.std)
            mean, eigenvalues = np.broadcast_arrays(np.atleast_1d(self.mean), variances)
            basis = np.eye(len(mean))
        else:
            eigenvalues, basis = decompose(self.covariance)
            mean = np.broadcast_to(self.mean, eigenvalues.shape)
        tensor = partial(torch.tensor, dtype=context.dtype, device=context.device)
        return GaussianModel(tensor(mean), tensor(eigenvalues), tensor(basis), self.value_range)


class GaussianModel(ScoreModel):
    """N(μ, V diag(λ) Vᵀ): in the basis V every noise level costs the same two products.

    Args:
        mean: μ ``[d]``.
        eigenvalues: λ ``[d]``, ≥ 0.
        basis: V ``[d, d]``, whose columns are orthonormal.
        value_range: bounds of the data, None where unbounded.
    """

    def __init__(
        self,
        mean: Tensor,
        eigenvalues: Tensor,
        basis: Tensor,
        value_range: tuple[float, float] | None,
    ) -> None:
        self.mean, self.eigenvalues, self.basis = mean, eigenvalues, basis
        self.event_shape, self.value_range = tuple(mean.shape), value_range
        self.device, self.dtype = mean.device, mean.dtype

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """−(Σ + σ²I)⁻¹(x − μ) for x ``[B, d]``; at σ = 0 only where Σ is positive definite."""
        return -(self._rotated(x) / self._variances(x, sigma)) @ self.basis.mT

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """μ + Σ(Σ + σ²I)⁻¹(x − μ) for x ``[B, d]``; at σ = 0 its limit, for any Σ."""
        gain = self.eigenvalues / self._variances(x, sigma)
        gain = gain.nan_to_num(0.0)  # 0/0: a direction without spread, at σ = 0
        return self.mean + (gain * self._rotated(x)) @ self.basis.mT

    def log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        """log N(x; μ, Σ + σ²I) in nats, ``[B]``, for x ``[B, d]``."""
        variances = self._variances(x, sigma)
        terms = self._rotated(x) ** 2 / variances + (2 * math.pi * variances).log()
        return -terms.sum(-1) / 2

    def draw(self, count: int, noise: Noise) -> Tensor:
        """``count`` exact samples of the data, μ + V√λ·z, ``[count, d]``."""
        return self.mean + (noise.normal()[:count] * self.eigenvalues.sqrt()) @ self.basis.mT

    def _rotated(self, x: Tensor) -> Tensor:
        return (x - self.mean) @ self.basis

    def _variances(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.eigenvalues + per_sample(sigma, x).to(x.dtype) ** 2
