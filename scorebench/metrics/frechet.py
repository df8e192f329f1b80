"""The Fréchet distance between Gaussians fitted to features, known as FID."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scorebench.errors import UserError
from scorebench.metrics.arrays import Array, Floats, as_matrix


@dataclass(frozen=True, eq=False)
class GaussianStatistics:
    """Mean and covariance of a set of features.

    Attributes:
        mean: float64 ``[d]``.
        covariance: float64 ``[d, d]``, symmetric, normalised by count - 1.
        count: number of samples, at least 2.
    """

    mean: Floats
    covariance: Floats
    count: int

    @classmethod
    def with_root(
        cls, mean: Floats, covariance: Floats, count: int, root: Floats
    ) -> GaussianStatistics:
        """Statistics whose ``root`` is known already, e.g. because it was stored with them."""
        statistics = cls(mean, covariance, count)
        vars(statistics)["root"] = root  # where cached_property would keep it
        return statistics

    @cached_property
    def root(self) -> Floats:
        """The symmetric square root of the covariance, ``[d, d]``; computed once.

        Eigenvalues that rounding made negative count as 0.
        """
        values, vectors = np.linalg.eigh(self.covariance)
        factor: Floats = vectors * np.clip(values, 0, None) ** 0.25
        return factor @ factor.T  # of this form, so that it is symmetric to the last bit

    def merge(self, other: GaussianStatistics) -> GaussianStatistics:
        """The statistics of both sets of features together (Chan, Golub & LeVeque 1983).

        Raises:
            UserError: the two differ in dimension.
        """
        _check_dimensions(self, other)
        count = self.count + other.count
        shift = other.mean - self.mean
        scatter = (
            (self.count - 1) * self.covariance
            + (other.count - 1) * other.covariance
            + self.count * other.count / count * np.outer(shift, shift)
        )
        mean = self.mean + other.count / count * shift
        return GaussianStatistics(mean, scatter / (count - 1), count)


def gaussian_statistics(features: Array) -> GaussianStatistics:
    """Mean and unbiased covariance of features ``[N, d]``, N ≥ 2.

    Features are centred before they are multiplied, so a large common offset costs no precision.

    Raises:
        UserError: fewer than 2 samples, not ``[N, d]``, or values that are not finite.
    """
    matrix = as_matrix(features, "features", at_least=2)
    mean = matrix.mean(axis=0)
    centred = matrix - mean
    return GaussianStatistics(mean, centred.T @ centred / (len(matrix) - 1), len(matrix))


def frechet_distance(reference: GaussianStatistics, generated: GaussianStatistics) -> float:
    """The squared Fréchet (2-Wasserstein) distance between two Gaussians, ≥ 0.

    ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2(Σ₁Σ₂)^½) (Dowson & Landau 1982; Heusel et al. 2017, eq. 6), in
    squared units of the features. Σ₁Σ₂ has the eigenvalues of the symmetric Σ₁^½ Σ₂ Σ₁^½, so
    the trace needs no complex square root and no regularisation where a covariance is singular.
    The reference's root is computed once, however many sets are compared with it.

    Raises:
        UserError: the two differ in dimension.
    """
    _check_dimensions(reference, generated)
    shift = reference.mean - generated.mean
    squares = np.linalg.eigvalsh(reference.root @ generated.covariance @ reference.root)
    overlap = np.sqrt(np.clip(squares, 0, None)).sum()
    spread = np.trace(reference.covariance) + np.trace(generated.covariance)
    return max(0.0, float(shift @ shift + spread - 2 * overlap))


def _check_dimensions(first: GaussianStatistics, second: GaussianStatistics) -> None:
    if first.mean.shape != second.mean.shape:
        raise UserError(
            f"statistics: expected features of equal dimension, "
            f"got {len(first.mean)} and {len(second.mean)}"
        )
