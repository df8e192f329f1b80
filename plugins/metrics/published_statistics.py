"""Gaussian statistics of features, in the files that FID packages publish."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from pathlib import Path

import numpy as np

from scorebench import UserError
from scorebench.metrics import LARGEST_FEATURE, GaussianStatistics

ROUNDING = 1e-5  # of the largest entry or eigenvalue; some files were computed in float32
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,  # e.g. of encryption
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


def read_statistics(path: Path) -> GaussianStatistics:
    """Read an ``.npz`` with ``mu`` ``[d]`` and ``sigma`` ``[d, d]``, as of clean-fid, pytorch-fid.

    Such files don't say how many samples they are of, so the result's count is 0.

    Raises:
        UserError: not such a file, or its arrays are not a mean and a covariance.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file of statistics")
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path}: expected statistics as an .npz archive, which this is not")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            if missing := {"mu", "sigma"} - {*file.files}:
                raise UserError(
                    f"{path}: expected arrays mu and sigma, but there is no "
                    f"{' and no '.join(sorted(missing))}, just {', '.join(file.files) or 'nothing'}"
                )
            arrays = [np.asarray(file[name]) for name in ("mu", "sigma")]
    except UNREADABLE as error:
        raise UserError(f"{path}: expected statistics as an .npz archive, but {error}") from None
    if any(array.dtype.kind not in "iuf" for array in arrays):
        raise UserError(
            f"{path}: expected mu and sigma of real numbers, "
            f"got {arrays[0].dtype} and {arrays[1].dtype}"
        )
    mean, covariance = (array.astype(np.float64) for array in arrays)
    dimension = len(mean) if mean.ndim == 1 else 0
    if not dimension or covariance.shape != (dimension, dimension):
        raise UserError(
            f"{path}: expected mu of shape [d] and sigma of shape [d, d], "
            f"got {list(mean.shape)} and {list(covariance.shape)}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise UserError(f"{path}: expected finite values, got NaN or infinite ones")
    if max(np.abs(mean).max(), np.sqrt(np.abs(covariance).max())) > LARGEST_FEATURE:
        raise UserError(f"{path}: expected statistics of features within ±{LARGEST_FEATURE:g}")
    symmetric = (covariance + covariance.T) / 2
    if np.abs(covariance - symmetric).max() > ROUNDING * np.abs(covariance).max():
        raise UserError(f"{path}: expected a symmetric sigma, as a covariance is")
    lowest, highest = np.linalg.eigvalsh(symmetric)[[0, -1]]
    if lowest < -ROUNDING * abs(highest):
        raise UserError(
            f"{path}: expected a sigma without negative eigenvalues, as a covariance is, but they "
            f"are from {lowest:g} to {highest:g}"
        )
    return GaussianStatistics(mean, symmetric, count=0)
