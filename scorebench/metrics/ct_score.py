"""The C_T score: whether samples are nearer to the training set than held-out data are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scorebench.errors import UserError
from scorebench.metrics.arrays import Array, Floats, Points, as_points, check_columns
from scorebench.metrics.distances import Indices
from scorebench.metrics.neighbours import nearest
from scorebench.metrics.ordering import own_order


@dataclass(frozen=True)
class CopyingTest:
    """What the test of Meehan, Chaudhuri & Dasgupta 2020 needs of training and held-out samples.

    Attributes:
        train: training features ``[N, d]``.
        centres: of the cells, float64 ``[k, d]``; a sample is in that of the nearest, or of the
            first of several equally near.
        held_out_cells: the cell of each held-out sample, int64 ``[L]``.
        held_out_distances: the Euclidean distance of each to the nearest training sample of its
            cell, float64 ``[L]``; inf where the cell has none.
    """

    train: Points
    centres: Floats
    held_out_cells: Indices
    held_out_distances: Floats

    @classmethod
    def fit(
        cls, train_features: Array, held_out_features: Array, cells: int = 3, seed: int = 0
    ) -> CopyingTest:
        """Part the space by k-means of the training set, started by k-means++ from the seed.

        Args:
            train_features: ``[N, d]``, N ≥ cells.
            held_out_features: ``[L, d]``, L ≥ 1.
            cells: k ≥ 1.
            seed: of the start; the order of samples doesn't matter.

        Raises:
            UserError: cells < 1, fewer training samples than cells, no held-out ones, not
                ``[N, d]``, of unequal dimension, or values that are not finite.
        """
        from sklearn.cluster import KMeans

        if cells < 1:
            raise UserError(f"cells: expected at least 1, got {cells}")
        train = as_points(train_features, "training features", at_least=cells)
        held_out = as_points(held_out_features, "held-out features")
        check_columns(held_out, "held-out features", train, "training features")
        means = KMeans(cells, n_init=1, random_state=seed).fit(train[own_order(train)])
        centres = means.cluster_centers_.astype(np.float64)
        return cls(train, centres, *_placed(train, centres, held_out))

    def score(self, features: Array, fewest: int = 20) -> float:
        """The C_T score of generated features ``[M, d]``; see ``ct_score``."""
        if fewest < 1:
            raise UserError(f"fewest: expected at least 1, got {fewest}")
        generated = as_points(features, "features")
        check_columns(generated, "features", self.train, "training features")
        cells, distances = _placed(self.train, self.centres, generated)
        weights, scores = [], []
        for cell in range(len(self.centres)):
            real = self.held_out_distances[self.held_out_cells == cell]
            fake = distances[cells == cell]
            if len(real) and len(fake) >= fewest:
                weights.append(len(real))
                scores.append(_z_score(fake, real))
        return float(np.average(scores, weights=weights)) if weights else float("nan")


def ct_score(
    train_features: Array,
    held_out_features: Array,
    features: Array,
    cells: int = 3,
    fewest: int = 20,
    seed: int = 0,
) -> float:
    """The C_T score, < 0 where a model copies its training set, > 0 where it underfits it.

    Within each cell of a k-means partition of the training set, the distances of generated samples
    to the nearest training sample of the cell are compared with those of held-out samples by the
    Mann–Whitney U test; C_T is the average of its z-scores, weighted by the number of held-out
    samples (Meehan, Chaudhuri & Dasgupta 2020, section 3). A z-score is (U − mn/2) / √(mn(m + n +
    1)/12) for m generated and n held-out samples, U the number of pairs in which the generated
    one is further away, where a tie counts ½; as in the authors' program there is no correction of
    the variance for ties, which makes it too large, if anything, but unlike there none for
    continuity.

    Args:
        train_features: ``[N, d]``, N ≥ cells.
        held_out_features: ``[L, d]``, L ≥ 1.
        features: ``[M, d]``, M ≥ 1.
        cells: of the partition; 3 in Stein et al. 2023.
        fewest: generated samples, for a cell to count at all; 20 in Stein et al. 2023, Mτ in the
            paper's terms. So must there be at least one held-out sample.
        seed: of the partition.

    Returns:
        The score; nan where no cell counts. A z-score is at most √(3mn/(m + n + 1)) in size; where
        generated and held-out samples are alike, it is about N(0, 1), and so the average of k cells
        of equal weight N(0, 1/k).

    Raises:
        UserError: cells or fewest < 1, too few samples, not ``[N, d]``, of unequal dimension, or
            values that are not finite.
    """
    return CopyingTest.fit(train_features, held_out_features, cells, seed).score(features, fewest)


def _placed(train: Points, centres: Floats, points: Points) -> tuple[Indices, Floats]:
    """The cell of each point, and its distance to the nearest training sample in there."""
    train_cells, cells = nearest(centres, train)[1], nearest(centres, points)[1]
    distances = np.full(len(points), np.inf)
    for cell in np.intersect1d(cells, train_cells):
        inside = cells == cell
        distances[inside] = nearest(train[train_cells == cell], points[inside])[0]
    return cells, distances


def _z_score(first: Floats, second: Floats) -> float:
    """Of the Mann–Whitney U statistic: > 0 where the first are larger."""
    m, n = len(first), len(second)
    ascending = np.sort(second)
    smaller, up_to = (np.searchsorted(ascending, first, side) for side in ("left", "right"))
    u = float((smaller + up_to).sum()) / 2
    return (u - m * n / 2) / float(np.sqrt(m * n * (m + n + 1) / 12))
