"""Authenticity: the share of generated samples that aren't copies of training samples."""

from __future__ import annotations

from scorebench.errors import UserError
from scorebench.metrics.arrays import Array, Floats, as_points, check_columns
from scorebench.metrics.neighbours import nearest


def authenticity(train_features: Array, features: Array, *, spacing: Floats | None = None) -> float:
    """The share of samples that are further from the training set than it is from itself there.

    A generated sample is authentic if its distance to the nearest training sample exceeds the
    distance of that one to the nearest other training sample (Alaa et al. 2022; Stein et al. 2023
    give it in per cent, as AuthPct). Distances are Euclidean and exact; of several equally near
    training samples the first counts; an equal distance isn't authentic.

    Args:
        train_features: ``[N, d]``, N ≥ 2.
        features: ``[M, d]``, M ≥ 1.
        spacing: float64 ``[N]``, the distance of each training sample to its nearest other, i.e.
            ``nearest(train_features)[0]``, if known; computed otherwise.

    Returns:
        The share, in [0, 1]; 0 for copies.

    Raises:
        UserError: fewer than 2 training samples, no generated ones, not ``[N, d]``, of unequal
            dimension, or values that are not finite; spacing not ``[N]``.
    """
    train = as_points(train_features, "training features", at_least=2)
    generated = as_points(features, "features")
    check_columns(generated, "features", train, "training features")
    if spacing is None:
        spacing = nearest(train)[0]
    if spacing.shape != (len(train),):
        raise UserError(f"spacing: expected shape [{len(train)}], got {list(spacing.shape)}")
    distances, indices = nearest(train, generated)
    return float((distances > spacing[indices]).mean())
