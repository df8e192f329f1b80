"""Covariance matrices given as parameters: checked, and split into variances and directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-9  # of rounding in numbers written by hand, relative to the largest variance


def decompose(rows: Sequence[Sequence[float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The eigen-decomposition Σ = V diag(λ) Vᵀ of a covariance matrix.

    Returns:
        λ ``[d]``, ≥ 0 and ascending, and V ``[d, d]``, whose columns are orthonormal.

    Raises:
        ValueError: the rows aren't a square, symmetric, positive semi-definite matrix.
    """
    if any(len(row) != len(rows) for row in rows):
        raise ValueError(f"covariance: expected {len(rows)} rows of {len(rows)} numbers")
    matrix = np.array(rows, dtype=np.float64)
    slack = TOLERANCE * np.abs(matrix).max()
    if not np.allclose(matrix, matrix.T, rtol=0, atol=slack):
        raise ValueError("covariance is not symmetric")
    eigenvalues, basis = np.linalg.eigh(matrix)
    if eigenvalues[0] < -slack:
        raise ValueError(
            f"covariance is not positive semi-definite: it has the eigenvalue {eigenvalues[0]:.3g}"
        )
    return eigenvalues.clip(min=0), basis
