"""What every metric asks of the arrays it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from scorebench.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

Array: TypeAlias = "npt.NDArray[Any] | Tensor"
Floats: TypeAlias = npt.NDArray[np.float64]

# Fourth powers of features, summed, must stay finite: the Fréchet distance multiplies covariances.
LARGEST = 1e64


def as_matrix(values: Array, name: str, at_least: int = 1) -> Floats:
    """Values as float64 ``[N, d]``; shares memory with a float64 array, so don't write to it.

    Args:
        values: numpy array or torch tensor of any real dtype, on any device.
        name: what to call the array in an error.
        at_least: the fewest rows that will do.

    Raises:
        UserError: it isn't 2-D, has no columns or too few rows, or holds values that are not
            real numbers within ±``LARGEST``.
    """
    # Through torch's own double, because numpy has no bfloat16; torch itself needn't be imported.
    array = np.asarray(values.detach().cpu().double() if hasattr(values, "detach") else values)
    if array.dtype.kind not in "biuf":
        raise UserError(f"{name}: expected real numbers, got an array of {array.dtype}")
    if array.ndim != 2:
        raise UserError(f"{name}: expected an array of shape [N, d], got {list(array.shape)}")
    count, dimension = array.shape
    if dimension == 0:
        raise UserError(f"{name}: expected at least 1 column, got an array of shape [{count}, 0]")
    if count < at_least:
        raise UserError(f"{name}: expected at least {at_least} samples, got {count}")
    matrix = array.astype(np.float64, copy=False)
    if not (matrix.min() >= -LARGEST and matrix.max() <= LARGEST):
        raise UserError(f"{name}: expected finite values within ±{LARGEST:g}, got NaN or beyond")
    return matrix
