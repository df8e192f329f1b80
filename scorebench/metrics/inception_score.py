"""The Inception Score: confident predictions for each sample, varied ones over all of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.special import entr

from scorebench.errors import UserError
from scorebench.metrics.arrays import Array, Floats, Points, as_points

# Logits held at a time, in float64: 512 KiB, which caches hold too.
BLOCK = 2**16

# What float64 leaves of a divergence that is 0, and tells nobody anything: no score is so near 1.
ROUNDING = 1e-12


def inception_score(logits: Array, splits: int = 10) -> tuple[float, float]:
    """exp(E_x KL(p(y|x) ‖ p(y))) of a classifier's logits ``[N, c]`` (Salimans et al. 2016).

    As published: split i of the samples, in their given order, is [iN/splits, (i+1)N/splits),
    boundaries rounded down; p(y) is the mean prediction within a split. Computed in float64, in
    blocks; float32 logits aren't copied as a whole.

    Returns:
        Mean and population standard deviation of the splits' scores; a score is in [1, c], and
        exactly 1 where all predictions are alike.

    Raises:
        UserError: more splits than samples or none, logits not ``[N, c]``, or not finite.
    """
    points = as_points(logits, "logits")
    count = len(points)
    if not 1 <= splits <= count:
        raise UserError(f"splits: expected 1 to {count}, the number of samples, got {splits}")
    bounds = [i * count // splits for i in range(splits + 1)]
    scores = [_score(points[start:stop]) for start, stop in pairwise(bounds)]
    return float(np.mean(scores)), float(np.std(scores))


def _score(logits: Points) -> float:
    """The entropy of the mean prediction less the mean entropy of predictions, to the power of e.

    That is the mean divergence. With e = exp(l − max l) and Z = Σe, the entropy of a prediction is
    log Z − Σ e·(l − max l)/Z, where a class of vanishing probability adds 0.
    """
    count, classes = logits.shape
    size = max(1, BLOCK // classes)
    total: Floats = np.zeros(classes)
    entropies = 0.0
    for start in range(0, count, size):
        shifted = logits[start : start + size].astype(np.float64)
        shifted -= shifted.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1)
        weighted = np.einsum("nc,nc->n", exponentials, shifted)
        entropies += float((np.log(sums) - weighted / sums).sum())
        total += (1 / sums) @ exponentials
    divergence = float(entr(total / count).sum()) - entropies / count
    return float(np.exp(divergence)) if divergence > ROUNDING else 1.0
