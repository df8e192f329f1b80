"""The Vendi score: how many different samples there are, in effect."""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from scorebench.metrics.arrays import Array, Floats, Points, as_points

# Samples held in float64 at a time, where there are more than dimensions.
BLOCK = 1024


def vendi(features: Array) -> float:
    """exp(−Σλ log λ) over the eigenvalues λ of K/N (Friedman & Dieng 2023, definition 3.1).

    K is the cosine similarity xᵢ·xⱼ / (‖xᵢ‖‖xⱼ‖) of features ``[N, d]``. A vector of zeros, which
    has no direction, is as good as one that is orthogonal to all others but like other zeros. In
    float64, by whichever is smaller: K or the d × d matrix of the same eigenvalues.

    Returns:
        The score, in [1, N] and at most d (d + 1 with zeros): N for orthogonal features, 1 for
        features of one direction.

    Raises:
        UserError: not ``[N, d]``, no samples, or values that are not finite.
    """
    points = as_points(features, "features")
    count, dimension = points.shape
    if count <= dimension:
        directions = _directions(points)
        gram = directions @ directions.T
    else:
        gram = np.zeros((dimension + 1, dimension + 1))
        for start in range(0, count, BLOCK):
            directions = _directions(points[start : start + BLOCK])
            gram += directions.T @ directions
    shares = np.clip(np.linalg.eigvalsh(gram / count), 0, None)
    return max(1.0, float(np.exp(entr(shares).sum())))


def _directions(points: Points) -> Floats:
    """Unit vectors ``[n, d + 1]``; the last coordinate is 1 for zeros, and 0 for others."""
    wide = points.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    zeros = lengths == 0
    return np.hstack([wide / np.where(zeros, 1, lengths), zeros])
