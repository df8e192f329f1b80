"""An order of points that doesn't depend on the one they came in."""

from __future__ import annotations

import numpy as np

from scorebench.metrics.arrays import Points
from scorebench.metrics.distances import Indices


def own_order(points: Points) -> Indices:
    """Indices int64 ``[N]`` that sort points ``[N, d]`` along a fixed random direction.

    Samples are a set. Whatever picks some of them by number and a seed picks the same ones in this
    order, however a file happened to list them; only equal points aren't told apart.
    """
    direction = np.random.default_rng(0).standard_normal(points.shape[1])
    # In float64, and each point by itself: in a matrix product rounding hangs on the row's place.
    return np.argsort(np.einsum("nd,d->n", points, direction), kind="stable")
