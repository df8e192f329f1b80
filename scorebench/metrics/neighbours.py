"""Exact nearest neighbours."""

from __future__ import annotations

import numpy as np

from scorebench.errors import UserError
from scorebench.metrics.arrays import Array, Floats, Points, as_points
from scorebench.metrics.distances import Block, Bounds, Indices, below

# Pairs held, over those asked for, before they are sorted out.
ROOM = 4


def nearest(points: Array, queries: Array | None = None) -> tuple[Floats, Indices]:
    """The distance of every query to its nearest point, and that point's index.

    Exact: distances are float64 sums of squared differences, whatever dtype the points have.

    Args:
        points: ``[N, d]``.
        queries: ``[M, d]``; None for the points themselves, each of which then looks among the
            others (a duplicate of it counts), so that N must be at least 2.

    Returns:
        Euclidean distances, float64 ``[M]``, and indices, int64 ``[M]``; the lowest on ties.

    Raises:
        UserError: too few points, not ``[N, d]``, not finite, or of unequal dimension.
    """
    if queries is None:
        distances, indices = closest(as_points(points, "points", at_least=2), None, 1)
    else:
        targets, rows = as_points(points, "points"), as_points(queries, "queries")
        if rows.shape[1] != targets.shape[1]:
            raise UserError(
                f"queries: expected {targets.shape[1]} columns, as the points have, "
                f"got {rows.shape[1]}"
            )
        distances, indices = closest(targets, rows, 1)
    return distances[:, 0], indices[:, 0]


def closest(points: Points, queries: Points | None, k: int) -> tuple[Floats, Indices]:
    """The k nearest of N points for each of M queries, exactly.

    Args:
        points: ``[N, d]``, finite.
        queries: ``[M, d]``; None for the points themselves, none of which is its own neighbour.
        k: 1 to N, or to N - 1 without queries.

    Returns:
        Euclidean distances, float64 ``[M, k]``, ascending, and indices, int64 ``[M, k]``,
        ascending among equal distances.
    """
    bounds = Bounds(points) if queries is None else Bounds(queries, points)
    shortlist = _Shortlist(bounds, k)
    for rows, columns, low in bounds.blocks():
        shortlist.add(rows, columns, low)
        if queries is None and rows != columns:
            shortlist.add(columns, rows, low.T)
    return shortlist.closest()


class _Shortlist:
    """The pairs that may be among the k closest of their row, by the blocks seen so far.

    For equal distances to leave the lowest indices, a row must see its columns in ascending order.
    """

    def __init__(self, bounds: Bounds, k: int) -> None:
        self._bounds = bounds
        self._k = k
        # What H of a row's k-th closest doesn't exceed; -inf where nothing can be closer any more.
        self._limit = np.full(len(bounds.rows.exact), np.inf)
        # Rows, columns, lower and upper bounds of H; the lower one is -inf where both are exact.
        self._pairs: list[tuple[Indices, Indices, Floats, Floats]] = []

    def add(self, rows: slice, columns: slice, low: Block) -> None:
        """See a block of lower bounds."""
        k, limit = self._k, self._limit[rows]
        row_slack = self._bounds.rows.slack[rows]
        column_slack = self._bounds.columns.slack[columns]
        i, j = below(low, limit[:, np.newaxis])
        if len(i) > ROOM * k * len(low):
            # So many that their own k-th closest are a better limit.
            high = np.partition(low + column_slack, k - 1, axis=1)[:, k - 1] + row_slack
            np.minimum(limit, high, out=limit)
            i, j = below(low, limit[:, np.newaxis])
        lowest = low[i, j].astype(np.float64)
        highest = lowest + row_slack[i] + column_slack[j]
        self._pairs.append((i + rows.start, j + columns.start, lowest, highest))
        most = ROOM * k * len(self._limit)
        if sum(len(pairs[0]) for pairs in self._pairs) > most:
            self._sift()
            if len(self._pairs[0][0]) > most / 2:
                self._settle()

    def _sift(self) -> None:
        """Drop the pairs that the others' bounds rule out."""
        rows, columns, low, high = map(np.concatenate, zip(*self._pairs, strict=True))
        order = np.lexsort((high, rows))
        rows, columns, low, high = (x[order] for x in (rows, columns, low, high))
        kth = _rank(rows) == self._k - 1
        self._limit[rows[kth]] = np.minimum(self._limit[rows[kth]], high[kth])
        kept = low <= self._limit[rows]
        self._pairs = [(rows[kept], columns[kept], low[kept], high[kept])]

    def _settle(self) -> Floats:
        """Drop all but the k closest of every row by their distances, which are returned."""
        ((rows, columns, _, _),) = self._pairs
        distances = self._bounds.distances(rows, columns)
        order = np.lexsort((columns, distances, rows))
        order = order[_rank(rows[order]) < self._k]
        rows, columns, distances = rows[order], columns[order], distances[order]
        high = self._bounds.halves(distances)
        kth = _rank(rows) == self._k - 1
        limit = np.where(distances[kth] > 0, high[kth], -np.inf)
        self._limit[rows[kth]] = np.minimum(self._limit[rows[kth]], limit)
        self._pairs = [(rows, columns, np.full(len(rows), -np.inf), high)]
        return distances

    def closest(self) -> tuple[Floats, Indices]:
        """Distances and columns of the k closest of every row, once all blocks were seen."""
        self._sift()
        distances = self._settle()
        ((_, columns, _, _),) = self._pairs
        return distances.reshape(-1, self._k), columns.reshape(-1, self._k)


def _rank(rows: Indices) -> Indices:
    """The position of each entry among those of its row; rows ascend."""
    return np.arange(len(rows)) - np.searchsorted(rows, rows)
