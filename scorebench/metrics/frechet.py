"""The Fréchet distance between Gaussians fitted to features, known as FID."""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas, eigvalsh, lapack, svdvals

from scorebench.metrics.arrays import Floats
from scorebench.metrics.gaussian import GaussianStatistics, check_dimensions

# The share of the spread that rounding may take from the fast route by its estimate. Measured on
# spectra of all kinds, no error was above a third of what this allows.
TOLERANCE = 3e-9


def frechet_distance(reference: GaussianStatistics, generated: GaussianStatistics) -> float:
    """The squared Fréchet (2-Wasserstein) distance between two Gaussians, ≥ 0.

    ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2(Σ₁Σ₂)^½) (Dowson & Landau 1982; Heusel et al. 2017, eq. 6), in
    squared units of the features. With roots Σ = RᵀR the last trace is the sum of the singular
    values of R₂R₁ᵀ, so it needs no complex square root, and no regularisation where a covariance
    is singular. The reference's root is computed once, however many sets are compared with it.

    The error is below 1e-9 of tr(Σ₁ + Σ₂) for statistics of features, of whatever number and rank,
    and below 1e-7 for statistics that are only covariances.

    Raises:
        UserError: the two differ in dimension.
    """
    check_dimensions(reference, generated)
    shift = reference.mean - generated.mean
    root = reference.root
    variances = _column_squares(root)
    # The squares of the singular values are eigenvalues of a product that is cheaper to make.
    if generated.count > len(shift) == len(root):
        others = generated.covariance.diagonal()
        gram = lapack.dsygst(generated.covariance.T, root.T, itype=2, lower=1)[0]  # R₁Σ₂R₁ᵀ
        noise = float(variances @ others)  # an entry of Σ is as exact as the variances beside it
    else:
        others = _column_squares(generated.root)
        cross = _cross(generated.root, root)
        gram = cross @ cross.T if len(cross) < len(root) else cross.T @ cross
        noise = 0.0
    squares = eigvalsh(gram, lower=True, overwrite_a=True, check_finite=False)
    spread = variances.sum() + others.sum()
    if 2 * _rounding(squares, noise) <= TOLERANCE * spread:
        overlap = np.sqrt(np.clip(squares, 0, None)).sum()
    else:
        overlap = svdvals(_cross(generated.root, root), check_finite=False).sum()
    return max(0.0, float(shift @ shift + spread - 2 * overlap))


def _cross(root: Floats, reference: Floats) -> Floats:
    """R₂R₁ᵀ, whose singular values are the square roots of the eigenvalues of Σ₁Σ₂."""
    if reference.shape[0] < reference.shape[1]:
        return root @ reference.T
    product: Floats = blas.dtrmm(1.0, reference.T, root.T, lower=1, trans_a=1).T
    return product


def _column_squares(root: Floats) -> Floats:
    """The variances, from a root of the covariance."""
    squares: Floats = np.einsum("ij,ij->j", root, root)
    return squares


def _rounding(squares: Floats, noise: float) -> float:
    """An estimate of what rounding does to the sum of the square roots of a product's eigenvalues.

    Args:
        squares: the eigenvalues, each off by 1e-16 of the largest of them
        noise: and by 1e-16 of this.
    """
    error = float(np.finfo(np.float64).eps * (squares.max(initial=0) + noise))
    known = squares[squares > error]
    # An eigenvalue that is lost in its error has a root of up to √error, and such roots add up.
    lost = np.sqrt(error) * (len(squares) - len(known))
    # The other roots move by error / (2 root), up or down, so that squares add up; as matrices of
    # this form are graded, it was less than a hundredth of that, and a tenth is assumed.
    moved = error / 2 * np.sqrt((1 / known).sum())
    return float(lost + moved / 10)
