"""The Inception Score: confident predictions for each sample, varied ones over all of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.special import log_softmax, logsumexp

from scorebench.errors import UserError
from scorebench.metrics.arrays import Array, Floats, as_matrix


def inception_score(logits: Array, splits: int = 10) -> tuple[float, float]:
    """exp(E_x KL(p(y|x) ‖ p(y))) of a classifier's logits ``[N, c]`` (Salimans et al. 2016).

    As published: split i of the samples, in their given order, is [iN/splits, (i+1)N/splits),
    boundaries rounded down; p(y) is the mean prediction within a split.

    Returns:
        Mean and population standard deviation of the splits' scores; a score is in [1, c].

    Raises:
        UserError: more splits than samples or none, logits not ``[N, c]``, or not finite.
    """
    matrix = as_matrix(logits, "logits")
    count = len(matrix)
    if not 1 <= splits <= count:
        raise UserError(f"splits: expected 1 to {count}, the number of samples, got {splits}")
    bounds = [i * count // splits for i in range(splits + 1)]
    scores = [_score(matrix[start:stop]) for start, stop in pairwise(bounds)]
    return float(np.mean(scores)), float(np.std(scores))


def _score(logits: Floats) -> float:
    # In logarithms throughout: a class of vanishing probability adds 0, not 0 · log 0.
    conditional = log_softmax(logits, axis=1)
    marginal = logsumexp(conditional, axis=0) - np.log(len(logits))
    divergence = (np.exp(conditional) * (conditional - marginal)).sum(axis=1)
    return float(np.exp(divergence.mean()))
