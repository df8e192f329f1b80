"""FID for infinitely many samples, extrapolated from subsets."""

from __future__ import annotations

import numpy as np

from scorebench.errors import UserError
from scorebench.metrics.accumulator import gaussian_statistics
from scorebench.metrics.arrays import Array
from scorebench.metrics.frechet import frechet_distance
from scorebench.metrics.gaussian import GaussianStatistics

FEWEST = 20  # features, so that the smallest subset of a tenth has a covariance


def fid_infinity(
    reference: GaussianStatistics, features: Array, sizes: int = 15, seed: int = 0
) -> float:
    """The Fréchet distance with its bias in the number of features removed, FID∞.

    The bias of N samples is about c/N (Chong & Forsyth 2020, section 3). So the distance is taken
    for ``sizes`` random subsets, of N/10 to N features at equal distances, and the least-squares
    line through it over 1/size is read at 0. It is fair where even the smallest subset has several
    times d features; the reference's own bias remains. May be negative, as noise is.

    Args:
        reference: what to compare with.
        features: ``[N, d]``, N ≥ 20.
        sizes: number of subsets, at least 2; 15 in the paper.
        seed: of the subsets, which are drawn without replacement, each anew.

    Raises:
        UserError: fewer than 20 features or 2 sizes, or what ``frechet_distance`` refuses.
    """
    count = len(features)
    if count < FEWEST:
        raise UserError(f"features: expected at least {FEWEST} samples, got {count}")
    if sizes < 2:
        raise UserError(f"sizes: expected at least 2, got {sizes}")
    rng = np.random.default_rng(seed)
    counts = np.linspace(count // 10, count, sizes).astype(int)
    subsets = (features[rng.permutation(count)[:size]] for size in counts)
    distances = [frechet_distance(reference, gaussian_statistics(x)) for x in subsets]
    _, intercept = np.polyfit(1 / counts, distances, 1)
    return float(intercept)
