"""Mean and covariance of a set of features."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from scorebench.errors import UserError
from scorebench.metrics.arrays import Array, Floats
from scorebench.metrics.roots import cholesky, eigenvalue_root, triangle


class GaussianStatistics:
    """Mean and covariance of a set of features.

    Attributes:
        mean: float64 ``[d]``.
        covariance: float64 ``[d, d]``, symmetric, normalised by count - 1.
        count: number of samples; 0 where it isn't known.
        root: float64 ``[r, d]`` with rootᵀ·root = covariance, r ≤ d; upper triangular if r = d.

    Of covariance and root, one may be computed from the other when it is first asked for.
    """

    mean: Floats
    count: int

    def __init__(
        self, mean: Floats, covariance: Floats, count: int, *, features: Array | None = None
    ) -> None:
        """Take the attributes as they are.

        Args:
            mean, covariance, count: see above.
            features: ``[count, d]``, what the rest was computed from. A root of a covariance that
                is singular, or nearly so, is then exact; from the covariance alone, half of its
                digits are noise.
        """
        self.mean, self.count, self._features = mean, count, features
        vars(self)["covariance"] = covariance  # where cached_property would keep it

    @classmethod
    def with_root(cls, mean: Floats, root: Floats, count: int = 0) -> GaussianStatistics:
        """Statistics whose ``root`` is known, e.g. because it was stored."""
        statistics = cls.__new__(cls)
        statistics.mean, statistics.count = mean, count
        vars(statistics)["root"] = root
        return statistics

    @cached_property
    def covariance(self) -> Floats:
        covariance: Floats = self.root.T @ self.root
        return covariance

    @cached_property
    def root(self) -> Floats:
        root = cholesky(self.covariance)
        if root is not None:
            return root
        if self._features is not None:
            return triangle(self._features, self.mean)
        return eigenvalue_root(self.covariance)

    def merge(self, other: GaussianStatistics) -> GaussianStatistics:
        """The statistics of both sets of features together (Chan, Golub & LeVeque 1983).

        Raises:
            UserError: the two differ in dimension, or the number of samples isn't known.
        """
        check_dimensions(self, other)
        if not (self.count and other.count):
            raise UserError("statistics: expected known numbers of samples to merge, got 0")
        count = self.count + other.count
        shift = other.mean - self.mean
        scatter = (
            (self.count - 1) * self.covariance
            + (other.count - 1) * other.covariance
            + self.count * other.count / count * np.outer(shift, shift)
        )
        mean = self.mean + other.count / count * shift
        return GaussianStatistics(mean, scatter / (count - 1), count)


def check_dimensions(first: GaussianStatistics, second: GaussianStatistics) -> None:
    """See that two sets of features have the same number of columns.

    Raises:
        UserError: they don't.
    """
    if first.mean.shape != second.mean.shape:
        raise UserError(
            f"statistics: expected features of equal dimension, "
            f"got {len(first.mean)} and {len(second.mean)}"
        )
