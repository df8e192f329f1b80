"""Statistics of features, in one pass over them and without a copy in float64."""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas

from scorebench.errors import UserError
from scorebench.metrics.arrays import Array, Floats, as_matrix, blocks
from scorebench.metrics.gaussian import GaussianStatistics
from scorebench.metrics.roots import contrasts


class GaussianAccumulator:
    """Statistics of features that come batch by batch; none of them is kept.

    Each block of a batch is centred by its own mean before it is multiplied, so a large offset
    common to all features costs no precision, and two blocks are joined by the update of Chan,
    Golub & LeVeque 1983.
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean: Floats = np.zeros(0)
        self._scatter: Floats = np.zeros((0, 0))  # only its lower triangle is filled

    def add(self, batch: Array) -> None:
        """Take in features ``[B, d]``, B ≥ 1.

        Raises:
            UserError: not ``[B, d]`` with the d of earlier batches, or not finite.
        """
        for block in blocks(batch, "features"):
            count, dimension = block.shape
            if self._count == 0:
                self._mean = np.zeros(dimension)
                self._scatter = np.zeros((dimension, dimension), order="F")
            elif dimension != len(self._mean):
                raise UserError(
                    f"features: expected {len(self._mean)} columns, as before, got {dimension}"
                )
            total = self._count + count
            mean = block.mean(axis=0)
            shift = mean - self._mean
            # The last row is what the distance between the means adds to the scatter.
            rows = np.empty((count + 1, dimension))
            np.subtract(block, mean, out=rows[:-1])
            np.multiply(np.sqrt(self._count * count / total), shift, out=rows[-1])
            self._scatter = blas.dsyrk(
                1.0, rows.T, beta=1.0, c=self._scatter, lower=1, overwrite_c=1
            )
            self._mean = self._mean + count / total * shift
            self._count = total

    def statistics(self) -> GaussianStatistics:
        """Mean and unbiased covariance of all features so far.

        Raises:
            UserError: there are fewer than 2.
        """
        return self._statistics(None)

    def _statistics(self, features: Array | None) -> GaussianStatistics:
        if self._count < 2:
            raise UserError(f"features: expected at least 2 samples, got {self._count}")
        lower = np.tril(self._scatter) / (self._count - 1)
        covariance = lower + np.tril(lower, -1).T
        return GaussianStatistics(self._mean, covariance, self._count, features=features)


def gaussian_statistics(features: Array) -> GaussianStatistics:
    """Mean and unbiased covariance of features ``[N, d]``, N ≥ 2, numpy or torch.

    The result refers to the features, so don't change them while it is in use. Up to d of them have
    their root at once; their covariance is computed if it is asked for.

    Raises:
        UserError: fewer than 2 samples, not ``[N, d]``, or values that are not finite.
    """
    if features.ndim == 2 and features.shape[0] > features.shape[1]:
        accumulator = GaussianAccumulator()
        accumulator.add(features)
        return accumulator._statistics(features)
    matrix = as_matrix(features, "features", at_least=2)
    return GaussianStatistics.with_root(matrix.mean(axis=0), contrasts(matrix), len(matrix))
