"""Distances between many points: all of them bounded by a product, single ones in float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from scorebench.metrics.arrays import Floats, Points

Indices: TypeAlias = npt.NDArray[np.int64]
Block: TypeAlias = npt.NDArray[Any]

# Distances held at a time, BLOCK x BLOCK: small enough for a cache, large for a fast product.
BLOCK = 1024
# Coordinates held in float64 at a time, where single distances are computed.
CHUNK = 2**23
# Up to so many columns a product in float64 takes no longer than what is done with it.
FEW = 64


@dataclass(frozen=True, eq=False)
class _Side:
    """Points ``[N, d]``, what a product makes of them, their share ``[N]`` in bounds and slack."""

    exact: Points
    rounded: Block
    halves: Block
    slack: Floats


class Bounds:
    """Bounds of all distances between rows and columns, for one product of matrices.

    The bounded quantity is H = (scale · distance)² / 2, where the distance is the float64 one of
    scipy's ``cdist``. With a and b the points less a centre, scaled and rounded to float32, H is
    about ‖a‖²/2 + ‖b‖²/2 - a·b. How far off that is at most, whatever the data, is known
    beforehand; in units of ‖a‖² + ‖b‖², and with u = 2⁻²⁴ for float32:

    * d·u / (1 - d·u) / 2 for the product, its terms summed in any order, with or without fused
      operations (Higham 2002, eq. 3.5), since ‖a‖‖b‖ ≤ (‖a‖² + ‖b‖²) / 2;
    * 2u for rounding the points, u/2 for rounding the norms, u for either addition, and what is
      of second order: less than 8u together;
    * (3d/2 + 4)·2⁻⁵³ for the float64 sums in ``cdist`` and in the norms;

    and a constant for what underflows. This assumes that a product of float32 matrices is made of
    float32 sums or better, as it is in every BLAS on a CPU.

    Args:
        rows: ``[M, d]``.
        columns: ``[N, d]``; None for the rows themselves.

    Attributes:
        rows, columns: H exceeds its lower bound by at most ``rows.slack[i] + columns.slack[j]``.
    """

    def __init__(self, rows: Points, columns: Points | None = None) -> None:
        self._alone = columns is None
        points = [rows] if columns is None else [rows, columns]
        centre = points[-1].mean(axis=0, dtype=np.float64)
        extent = max(
            float(np.maximum(x.max(axis=0) - centre, centre - x.min(axis=0)).max()) for x in points
        )
        # A power of two, so that scaling is exact, and one that can be squared.
        self._scale = 2.0 ** -max(int(np.frexp(extent)[1]), -500)
        dimension = len(centre)
        dtype, unit = (np.float32, 2.0**-24) if FEW < dimension <= 2**20 else (np.float64, 2.0**-53)
        relative = (dimension / 2 + 8) * unit / (1 - dimension * unit)
        relative += (2 * dimension + 8) * 2.0**-53
        constant = dimension * (2.0**-120 + self._scale**2 * 2.0**-1020)
        sides = []
        for exact in points:
            rounded, norms = np.empty(exact.shape, dtype), np.empty(len(exact))
            for i in _slices(len(exact)):
                rounded[i] = (exact[i] - centre) * self._scale
                norms[i] = np.einsum("ij,ij->i", rounded[i], rounded[i], dtype=np.float64)
            error = relative * norms + constant
            sides.append(_Side(exact, rounded, (norms / 2 - error).astype(dtype), 2 * error))
        self.rows, self.columns = sides[0], sides[-1]

    def blocks(self) -> Iterator[tuple[slice, slice, Block]]:
        """Rows, columns and the lower bounds of H between them, which last until the next block.

        Of a set with itself only the blocks on and above the diagonal; the diagonal is inf.
        """
        rows, columns = self.rows, self.columns
        buffer = np.empty(BLOCK * BLOCK, rows.rounded.dtype)
        for i in _slices(len(rows.exact)):
            for j in _slices(len(columns.exact), i.start if self._alone else 0):
                height, width = i.stop - i.start, j.stop - j.start
                low = buffer[: height * width].reshape(height, width)
                np.matmul(rows.rounded[i], columns.rounded[j].T, out=low)
                np.subtract(rows.halves[i, np.newaxis], low, out=low)
                low += columns.halves[j]
                if self._alone and i == j:
                    np.fill_diagonal(low, np.inf)
                yield i, j, low

    def halves(self, distances: Floats) -> Floats:
        """H of distances, with room for its own rounding."""
        return (self._scale * distances) ** 2 * (0.5 + 2.0**-50)

    def within(
        self, rows: slice, columns: slice, low: Block, radii: Floats, *, strictly: bool = False
    ) -> tuple[Indices, Indices]:
        """The pairs of a block that are at most (strictly: less than) ``radii`` apart.

        Args:
            rows, columns, low: what ``blocks`` gave.
            radii: those of the rows, ``[m, 1]``, or of the columns, ``[1, n]``.
            strictly: leave out pairs at exactly that distance.
        """
        limits = self.halves(radii)
        i, j = below(low, limits)
        high = low[i, j] + self.rows.slack[rows][i] + self.columns.slack[columns][j]
        inside = high < np.broadcast_to(limits, low.shape)[i, j] * (1 - 2.0**-48)
        unsure = np.flatnonzero(~inside)
        distances = self.distances(i[unsure] + rows.start, j[unsure] + columns.start)
        limits = np.broadcast_to(radii, low.shape)[i[unsure], j[unsure]]
        inside[unsure] = distances < limits if strictly else distances <= limits
        return i[inside] + rows.start, j[inside] + columns.start

    def distances(self, rows: Indices, columns: Indices) -> Floats:
        """The float64 distances of single pairs, as ``cdist`` sums them; rows ascend."""
        result = np.empty(len(rows))
        size = max(1, CHUNK // max(self.rows.exact.shape[1], FEW))
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            first, i = np.unique(rows[part], return_inverse=True)
            second, j = np.unique(columns[part], return_inverse=True)
            if len(first) * len(second) <= 4 * len(i):
                result[part] = self._rectangle(first, second)[i, j]
                continue
            ends = np.searchsorted(i, np.arange(len(first)), side="right")
            for row, near in zip(
                first[:, np.newaxis], np.split(np.arange(len(i)) + start, ends), strict=False
            ):
                result[near] = self._rectangle(row, columns[near])[0]
        return result

    def _rectangle(self, rows: Indices, columns: Indices) -> Floats:
        result: Floats = cdist(
            self.rows.exact[rows].astype(np.float64), self.columns.exact[columns].astype(np.float64)
        )
        return result


def below(low: Block, limits: Floats) -> tuple[Indices, Indices]:
    """Where a block's lower bounds don't exceed H of ``[m, 1]`` or ``[1, n]``."""
    # Rounded up, for bounds rounded down: what is not below is not within.
    ceilings = np.nextafter(limits.astype(low.dtype), low.dtype.type(np.inf))
    i, j = np.divmod(np.flatnonzero(low < ceilings), low.shape[1])
    return i, j


def _slices(count: int, start: int = 0) -> Iterator[slice]:
    return (slice(i, min(i + BLOCK, count)) for i in range(start, count, BLOCK))
