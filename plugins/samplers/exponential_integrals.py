"""Integrals that exponential integrators share."""

from __future__ import annotations

import numpy as np

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)


def exponential_integrals(h: float, count: int) -> list[float]:
    """Iₙ(h) = h·∫₀¹ e^(−h(1 − u))·uⁿ du for n = 0 … count−1; h·φₙ₊₁(−h)·n! in other words.

    They weight the n-th power in a polynomial through denoised states over a step h in −log σ
    (Hochbruck & Ostermann 2010, "Exponential integrators", eq. 2.10). By Gauss–Legendre
    quadrature, because the recursion Iₙ = 1 − n/h·Iₙ₋₁ loses all digits when h is small.

    Args:
        h: ≥ 0; exact to rounding below about 20.
        count: number of integrals.
    """
    u = (NODES + 1) / 2
    weights = WEIGHTS / 2 * h * np.exp(-h * (1 - u))
    return [float(weights @ u**n) for n in range(count)]
