"""Densities of a mixture of Gaussians that are isotropic but for a few directions each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class LowRankMixture:
    """Σₖ wₖ·N(mₖ, Vₖ diag(λₖ) Vₖᵀ + ψₖI), evaluated without forming ``[B, K, d]``.

    Blurring by N(0, σ²I) adds σ² to ψ. Densities are told relative to those of N(0, aI) with
    a = minₖ ψₖ + σ²: the large terms all components share, such as d·log a and ‖x‖²/a, would cost
    the small ones that tell components apart their digits in float32.

    Args:
        weights: w ``[K]``, > 0, summing to 1.
        means: m ``[K, d]``; best when the mixture's own mean is near 0.
        bases: V ``[K, d, r]``, orthonormal columns.
        eigenvalues: λ ``[K, r]``, ≥ 0.
        noise: ψ ``[K]``, > 0.
        dimension: of the space; more than d where x are coordinates in a subspace that holds
            every mean and basis.
    """

    weights: Tensor
    means: Tensor
    bases: Tensor
    eigenvalues: Tensor
    noise: Tensor
    dimension: int

    def evaluate(self, x: Tensor, energy: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Log-densities of all components, and where x lies along their directions.

        With a = ψ + σ², Vᵀ(x − m) = y and Woodbury's identity, the Mahalanobis distance is
        (‖x − m‖² − Σⱼ λⱼ/(λⱼ + a)·yⱼ²)/a, and the log-determinant d·log a + Σⱼ log(1 + λⱼ/a).

        Args:
            x: ``[B, d]``.
            energy: ‖x‖², ``[B, 1]``, in all dimensions of the space.
            variance: σ², ``[]`` or ``[B, 1]``.

        Returns:
            log wₖ·N(x; k)/N(x; 0, aI), ``[B, K]``, and λ/(λ + a)·y, ``[B, K, r]``.
        """
        y = self._along(x) - self._mean_along
        total = self.noise + variance
        excess = (self.noise - self._least_noise) / (self._least_noise + variance)
        ratio = self.eigenvalues / total[..., None]
        shrunk = ratio / (1 + ratio) * y
        distance = (
            self.means.square().sum(-1)
            - 2 * (x @ self.means.mT)
            - excess * energy
            - (shrunk * y).sum(-1)
        ) / total
        log_determinant = self.dimension * excess.log1p() + ratio.log1p().sum(-1)
        return self.weights.log() - (distance + log_determinant) / 2, shrunk

    def log_reference(self, energy: Tensor, variance: Tensor) -> Tensor:
        """log N(x; 0, aI), ``[B, 1]``: what ``evaluate``'s log-densities are relative to."""
        a = self._least_noise + variance
        return -(self.dimension * (2 * math.pi * a).log() + energy / a) / 2

    def combine(self, weights: Tensor, coordinates: Tensor) -> Tensor:
        """Σₖ weightsₖ·(mₖ + Vₖ·coordinatesₖ), ``[B, d]``.

        Args:
            weights: ``[B, K]``.
            coordinates: along the directions of each component, ``[B, K, r]``.
        """
        along = (weights[:, :, None] * coordinates).flatten(1)
        return along @ self._directions.mT + weights @ self.means

    def draw(self, uniform: Tensor, normal: Tensor) -> Tensor:
        """Exact samples ``[B, d]`` m + Σ^½·z of the component that a uniform number falls to.

        Σ^½ = √ψ·I + V diag(√(λ + ψ) − √ψ) Vᵀ needs one normal vector and no d×d matrix.

        Args:
            uniform: ``[B]`` in [0, 1).
            normal: z ``[B, d]``.
        """
        edges = self.weights.cpu().double().cumsum(0)[:-1]
        index = (uniform.cpu().double()[:, None] >= edges).sum(1).to(normal.device)
        chosen = torch.nn.functional.one_hot(index, len(self.weights)).to(normal)
        root = self.noise.sqrt()
        gain = (self.eigenvalues + self.noise[:, None]).sqrt() - root[:, None]
        return root[index, None] * normal + self.combine(chosen, gain * self._along(normal))

    def _along(self, x: Tensor) -> Tensor:
        """Coordinates of x ``[B, d]`` along all directions, ``[B, K, r]``."""
        return (x @ self._directions).reshape(len(x), *self.eigenvalues.shape)

    @cached_property
    def _directions(self) -> Tensor:
        return self.bases.transpose(0, 1).flatten(1)

    @cached_property
    def _mean_along(self) -> Tensor:
        return (self.means[:, None] @ self.bases).squeeze(1)

    @cached_property
    def _least_noise(self) -> Tensor:
        return self.noise.min()
