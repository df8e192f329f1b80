"""Synthetic input for metrics, of the sizes and the kind that the Inception network gives."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def features(count: int, dimension: int, seed: int, *, away: float = 0.0) -> Array:
    """Non-negative features of full rank and a decaying spectrum, float32 ``[N, d]``, mean 0.4.

    Non-negative combinations, with exponentially distributed weights, of d/4 non-negative vectors
    of decaying size, and a little noise, which makes the condition number of the covariance about
    1e6 to 1e7.

    Args:
        count, dimension: N and d.
        seed: of the samples; the distribution depends on d and ``away`` only.
        away: how much larger the weights of the larger vectors are than at 0.
    """
    rank = max(1, dimension // 4)
    sizes = 1 / np.arange(1, rank + 1, dtype=np.float32)
    directions = np.random.default_rng(0).random((rank, dimension), dtype=np.float32)
    directions *= (np.float32(0.8) * sizes / sizes.sum())[:, np.newaxis]
    rng = np.random.default_rng(seed)
    weights = rng.standard_exponential((count, rank), np.float32)
    weights *= 1 + np.float32(away) * sizes
    noise = rng.standard_normal((count, dimension), np.float32)
    combined: Array = weights @ directions + np.float32(2e-3) * noise
    return np.abs(combined)


def logits(count: int, classes: int) -> Array:
    """A classifier's logits with a standard deviation of 3, float32 ``[N, c]``."""
    return np.random.default_rng(0).standard_normal((count, classes), dtype=np.float32) * 3


def images(count: int, size: int) -> Array:
    """Noise, uint8 ``[N, 3, size, size]``."""
    return np.random.default_rng(0).integers(0, 256, (count, 3, size, size), dtype=np.uint8)
