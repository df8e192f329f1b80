"""Roots R of covariances: RᵀR = Σ, in float64.

Forming Σ squares the features, so an eigenvalue below 1e-16 of the largest is noise in it, and its
square root noise of 1e-8. A root made from the features themselves is exact to 1e-16.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from scorebench.metrics.arrays import Array, Floats, blocks

# A covariance of a condition number below 1e12 has a Cholesky factor exact to 1e-10 or better.
RCOND = 1e-12


def cholesky(covariance: Floats) -> Floats | None:
    """The upper triangular root ``[d, d]`` of a well-conditioned covariance; else None."""
    # The transpose of a symmetric array is the array, in the memory order that LAPACK wants.
    lower, failed = lapack.dpotrf(covariance.T, lower=1)
    if failed or lapack.dpocon(lower, lapack.dlange("1", covariance.T), uplo="L")[0] < RCOND:
        return None
    root: Floats = lower.T
    return root


def contrasts(features: Floats) -> Floats:
    """The root ``[N - 1, d]`` that is made of N features ``[N, d]`` by a rotation.

    A Householder reflection takes the constant vector to the first row, which is then 0 for
    centred features and left out: no row is redundant, as one of N centred features is.
    """
    count = len(features)
    centred = features - features.mean(axis=0)
    root: Floats = (centred[1:] + centred[0] / (np.sqrt(count) - 1)) / np.sqrt(count - 1)
    return root


def triangle(features: Array, mean: Floats) -> Floats:
    """The upper triangular root ``[d, d]``, from a QR decomposition of features less their mean."""
    dimension = len(mean)
    upper = np.zeros((dimension, dimension), order="F")
    for block in blocks(features, "features"):
        below = np.asfortranarray(block - mean)
        upper, *_ = lapack.dtpqrt(0, min(32, dimension), upper, below, overwrite_a=1, overwrite_b=1)
    root: Floats = np.ascontiguousarray(upper) / np.sqrt(len(features) - 1)
    return root


def eigenvalue_root(covariance: Floats) -> Floats:
    """A root ``[r, d]`` of any covariance, r its rank; upper triangular if r = d.

    Eigenvalues that should be 0 come out as small numbers of either sign, so those that are no
    larger than the most negative one count as 0.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = values > max(-values[0], 0)
    _, upper = np.linalg.qr((vectors[:, kept] * np.sqrt(values[kept])).T)
    return upper
