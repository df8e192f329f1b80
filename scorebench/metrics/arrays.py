"""What every metric asks of the arrays it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from scorebench.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

Array: TypeAlias = "npt.NDArray[Any] | Tensor"
Floats: TypeAlias = npt.NDArray[np.float64]
Points: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.float64]

# Sixth powers of features, summed, must stay finite: the kernel distance cubes their products.
LARGEST_FEATURE = 1e48


def as_matrix(values: Array, name: str, at_least: int = 1) -> Floats:
    """Values as float64 ``[N, d]``; shares memory with a float64 array, so don't write to it.

    Args:
        values: numpy array or torch tensor of any real dtype, on any device.
        name: what to call the array in an error.
        at_least: the fewest rows that will do.

    Raises:
        UserError: it isn't 2-D, has no columns or too few rows, or holds values that are not
            real numbers within ±``LARGEST_FEATURE``.
    """
    return as_points(values, name, at_least).astype(np.float64, copy=False)


def as_points(values: Array, name: str, at_least: int = 1) -> Points:
    """As ``as_matrix``, but what came as float32 stays float32: half the memory."""
    if hasattr(values, "detach"):
        tensor = values.detach().cpu()
        # numpy has no bfloat16. A float holds any number of two bytes; torch needn't be imported.
        array = np.asarray(tensor.float() if tensor.element_size() <= 2 else tensor)
    else:
        array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise UserError(f"{name}: expected real numbers, got an array of {array.dtype}")
    if array.ndim != 2:
        raise UserError(f"{name}: expected an array of shape [N, d], got {list(array.shape)}")
    count, dimension = array.shape
    if dimension == 0:
        raise UserError(f"{name}: expected at least 1 column, got an array of shape [{count}, 0]")
    if count < at_least:
        raise UserError(f"{name}: expected at least {at_least} samples, got {count}")
    points = array if array.dtype == np.float32 else array.astype(np.float64, copy=False)
    if not (float(points.min()) >= -LARGEST_FEATURE and float(points.max()) <= LARGEST_FEATURE):
        raise UserError(
            f"{name}: expected finite values within ±{LARGEST_FEATURE:g}, got NaN or beyond"
        )
    return points


def blocks(values: Array, name: str, rows: int = 1000) -> Iterator[Floats]:
    """``as_matrix`` of some rows at a time, so that there is no copy of everything in float64."""
    for start in range(0, max(len(values), 1), rows):
        yield as_matrix(values[start : start + rows], name)


def check_columns(values: Points, name: str, others: Points, whose: str) -> None:
    """Raise UserError unless both have as many columns."""
    if values.shape[1] != others.shape[1]:
        raise UserError(
            f"{name}: expected {others.shape[1]} columns, as the {whose} have, "
            f"got {values.shape[1]}"
        )
