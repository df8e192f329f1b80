"""Fidelity and diversity from k-nearest-neighbour balls around features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from scorebench.errors import UserError
from scorebench.metrics.arrays import Array, Floats, as_matrix

# Distances held at a time: 32 MiB, whatever the number of samples.
BLOCK = 2**22


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

    A sample is not its own neighbour, but a duplicate of it is. Balls include their boundary, as
    in Kynkäänniemi et al. 2019, eq. 1. Distances are sums of squared float64 differences, rounded
    alike wherever they occur: ties are exact and an offset common to all features is harmless.

    Args:
        reference_features: ``[N, d]``, N > k.
        k: which neighbour a ball reaches, ≥ 1.
        radii: ``[N]``, the attribute of an equal manifold, if known; computed otherwise.

    Attributes:
        radii: float64 ``[N]``, the Euclidean distance of each sample to its k-th neighbour.

    Raises:
        UserError: k < 1, N ≤ k, features not ``[N, d]`` or not finite, radii not ``[N]``.
    """

    def __init__(
        self, reference_features: Array, k: int = 3, *, radii: Floats | None = None
    ) -> None:
        if k < 1:
            raise UserError(f"k: expected at least 1, got {k}")
        self.k = k
        self._reference = as_matrix(reference_features, "reference features", at_least=k + 1)
        self.radii = _radii(self._reference, k) if radii is None else radii
        if self.radii.shape != (len(self._reference),):
            raise UserError(
                f"radii: expected shape [{len(self._reference)}], got {list(self.radii.shape)}"
            )

    def scores(self, features: Array) -> ManifoldScores:
        """Compare generated features ``[M, d]``, M > k, with the reference.

        Precision and recall are eq. 2 of Kynkäänniemi et al. 2019, density and coverage those of
        Naeem et al. 2020, section 3, all four with balls that include their boundary.

        Raises:
            UserError: M ≤ k, another dimension than the reference's, or values not finite.
        """
        generated = as_matrix(features, "features", at_least=self.k + 1)
        if generated.shape[1] != self._reference.shape[1]:
            raise UserError(
                f"features: expected {self._reference.shape[1]} columns, as the reference "
                f"features have, got {generated.shape[1]}"
            )
        generated_radii = _radii(generated, self.k)
        precise = hits = 0
        recalled = np.zeros(len(self._reference), dtype=bool)
        covered = np.zeros(len(self._reference), dtype=bool)
        for rows, distances in _blocks(generated, self._reference):
            inside_reference = distances <= self.radii
            inside_generated = distances <= generated_radii[rows, np.newaxis]
            hits += int(inside_reference.sum())
            precise += int(inside_reference.any(axis=1).sum())
            covered |= inside_reference.any(axis=0)
            recalled |= inside_generated.any(axis=0)
        return ManifoldScores(
            precision=precise / len(generated),
            recall=float(recalled.mean()),
            density=hits / (self.k * len(generated)),
            coverage=float(covered.mean()),
        )


def _radii(features: Floats, k: int) -> Floats:
    """Each sample's distance to its k-th neighbour; itself, at distance 0, is number 0."""
    radii = np.empty(len(features))
    for rows, distances in _blocks(features, features):
        radii[rows] = np.partition(distances, k, axis=1)[:, k]
    return radii


def _blocks(rows: Floats, columns: Floats) -> Iterator[tuple[slice, Floats]]:
    """The distances ``[len(rows), len(columns)]``, as many rows at a time as ``BLOCK`` allows."""
    size = max(1, BLOCK // len(columns))
    for start in range(0, len(rows), size):
        block = slice(start, start + size)
        yield block, cdist(rows[block], columns, "euclidean")
