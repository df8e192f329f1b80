"""Integrals that exponential integrators share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LARGE = 10.0
NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)


def exponential_integrals(h: float, count: int) -> list[float]:
    """Iₙ(h) = h·∫₀¹ e^(−h(1 − u))·uⁿ du for n = 0 … count−1; h·φₙ₊₁(−h)·n! in other words.

    They weight the n-th power in a polynomial through denoised states over a step h in −log σ
    (Hochbruck & Ostermann 2010, "Exponential integrators", section 2.1). By the recursion
    Iₙ = 1 − n/h·Iₙ₋₁ where h is large; it loses all digits where h is small, and there
    Gauss–Legendre quadrature is exact to rounding.

    Args:
        h: ≥ 0.
        count: number of integrals.
    """
    if h > LARGE:
        integrals = [-math.expm1(-h)]
        for n in range(1, count):
            integrals.append(1 - n / h * integrals[-1])
        return integrals
    u = (NODES + 1) / 2
    weights = WEIGHTS / 2 * h * np.exp(-h * (1 - u))
    return [float(weights @ u**n) for n in range(count)]


def adams_weights(h: float, nodes: Sequence[float]) -> list[float]:
    """Weights of values at ``nodes``, with which their polynomial is integrated as above.

    Σⱼ wⱼ·nodesⱼⁿ = Iₙ(h) for every power n below the number of nodes.

    Args:
        h: ≥ 0.
        nodes: where the values are known, in units of the step: 0 is its start, 1 its end.
    """
    powers = np.vander(nodes, increasing=True).T
    weights: list[float] = np.linalg.solve(powers, exponential_integrals(h, len(nodes))).tolist()
    return weights
