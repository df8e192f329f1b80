"""Fidelity and diversity from k-nearest-neighbour balls around features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from scorebench.errors import UserError
from scorebench.metrics.arrays import Array, Floats, as_points
from scorebench.metrics.distances import Bounds
from scorebench.metrics.neighbours import closest

Boundary = Literal["closed", "open"]


@dataclass(frozen=True)
class ManifoldScores:
    """How generated features and the reference's cover one another; higher is better.

    Attributes:
        precision: share of generated samples inside a reference ball, in [0, 1].
        recall: share of reference samples inside a generated ball, in [0, 1].
        density: reference balls around a generated sample, over k, on average; ≥ 0, may exceed 1.
        coverage: share of reference balls that hold a generated sample, in [0, 1].
    """

    precision: float
    recall: float
    density: float
    coverage: float


class Manifold:
    """The region that a reference occupies: a ball around each sample, up to its k-th neighbour.

    A sample is not its own neighbour, but a duplicate of it is. Distances are sums of squared
    float64 differences, rounded alike wherever they occur: ties are exact and an offset common to
    all features is harmless. Most need only be bounded; memory stays at a float32 copy of either
    side and a few blocks.

    Args:
        reference_features: ``[N, d]``, N > k.
        k: which neighbour a ball reaches, ≥ 1.
        radii: ``[N]``, the attribute of an equal manifold, if known; computed otherwise.
        boundary: "closed" balls include their boundary (≤), as in Kynkäänniemi et al. 2019, eq. 1;
            "open" ones don't (<), as in the package prdc of Naeem et al. 2020.

    Attributes:
        radii: float64 ``[N]``, the Euclidean distance of each sample to its k-th neighbour.

    Raises:
        UserError: k < 1, N ≤ k, features not ``[N, d]`` or not finite, radii not ``[N]``, another
            boundary.
    """

    def __init__(
        self,
        reference_features: Array,
        k: int = 3,
        *,
        radii: Floats | None = None,
        boundary: Boundary = "closed",
    ) -> None:
        if k < 1:
            raise UserError(f"k: expected at least 1, got {k}")
        if boundary not in get_args(Boundary):
            raise UserError(f'boundary: expected "closed" or "open", got {boundary!r}')
        self.k = k
        self.boundary = boundary
        self._reference = as_points(reference_features, "reference features", at_least=k + 1)
        self.radii = closest(self._reference, None, k)[0][:, -1] if radii is None else radii
        if self.radii.shape != (len(self._reference),):
            raise UserError(
                f"radii: expected shape [{len(self._reference)}], got {list(self.radii.shape)}"
            )

    def scores(self, features: Array) -> ManifoldScores:
        """Compare generated features ``[M, d]``, M > k, with the reference.

        Precision and recall are eq. 2 of Kynkäänniemi et al. 2019, density and coverage those of
        Naeem et al. 2020, section 3, all four with balls of the same kind.

        Raises:
            UserError: M ≤ k, another dimension than the reference's, or values not finite.
        """
        generated = as_points(features, "features", at_least=self.k + 1)
        if generated.shape[1] != self._reference.shape[1]:
            raise UserError(
                f"features: expected {self._reference.shape[1]} columns, as the reference "
                f"features have, got {generated.shape[1]}"
            )
        generated_radii = closest(generated, None, self.k)[0][:, -1]
        strictly = self.boundary == "open"
        inside = np.zeros(len(generated), dtype=np.int64)
        covered = np.zeros(len(self._reference), dtype=bool)
        recalled = np.zeros(len(self._reference), dtype=bool)
        bounds = Bounds(generated, self._reference)
        for rows, columns, low in bounds.blocks():
            balls = self.radii[np.newaxis, columns]
            i, j = bounds.within(rows, columns, low, balls, strictly=strictly)
            inside += np.bincount(i, minlength=len(generated))
            covered[j] = True
            balls = generated_radii[rows, np.newaxis]
            _, j = bounds.within(rows, columns, low, balls, strictly=strictly)
            recalled[j] = True
        return ManifoldScores(
            precision=float((inside > 0).mean()),
            recall=float(recalled.mean()),
            density=float(inside.sum()) / (self.k * len(generated)),
            coverage=float(covered.mean()),
        )
