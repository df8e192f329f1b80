"""How far an FID might be from that of other samples of the same model."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from scorebench.errors import UserError
from scorebench.metrics.accumulator import gaussian_statistics
from scorebench.metrics.arrays import Array
from scorebench.metrics.frechet import frechet_distance
from scorebench.metrics.gaussian import GaussianStatistics


def frechet_interval(
    reference: GaussianStatistics, features: Array, groups: int = 10, confidence: float = 0.95
) -> tuple[float, float]:
    """A confidence interval of the Fréchet distance, by a delete-a-group jackknife.

    Sample i is in group i mod g. The distances without one group each, of variance v (normalised
    by g), give the standard error s = √((g - 1)·v) (Efron & Tibshirani 1993, eq. 11.5), and the
    interval is the distance ± s times Student's quantile of g - 1 degrees of freedom. It is of the
    expected distance at this number of samples: its bias is in the interval, not covered by it.
    Fair where N is several times d.

    Args:
        reference: what to compare with, taken as it is.
        features: ``[N, d]``, independent samples.
        groups: g, from 2 to N; N - N/g must leave 2 samples.
        confidence: in (0, 1).

    Returns:
        The interval's ends, ≥ 0.

    Raises:
        UserError: groups or confidence out of range, or what ``frechet_distance`` refuses.
    """
    count = len(features)
    if not 2 <= groups <= count:
        raise UserError(f"groups: expected 2 to {count}, the number of samples, got {groups}")
    if not 0 < confidence < 1:
        raise UserError(f"confidence: expected a number between 0 and 1, got {confidence}")
    group = np.arange(count) % groups
    whole, *others = (
        frechet_distance(reference, gaussian_statistics(features[group != left_out]))
        for left_out in (-1, *range(groups))
    )
    error = np.sqrt((groups - 1) * np.var(others))
    reach = float(error * stdtrit(groups - 1, (1 + confidence) / 2))
    return max(0.0, whole - reach), whole + reach
