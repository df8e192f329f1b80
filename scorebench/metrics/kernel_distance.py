"""The kernel distance between sets of features, known as KID."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from scorebench.errors import UserError
from scorebench.metrics.arrays import Array, Floats, Points, as_points, check_columns
from scorebench.metrics.distances import Indices
from scorebench.metrics.ordering import own_order

# Products held at a time, BLOCK x BLOCK, and rows of them that become kernels at a time, few enough
# for a cache.
BLOCK = 1024
ROWS = 64
# Numbers that can be squared and summed in float32.
SQUARED = 1e15


def kernel_distance(
    reference_features: Array,
    features: Array,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """The squared MMD of random subsets of both sides, as KID is reported.

    Bińkowski et al. 2018; see ``squared_mmd``. A subset is drawn without replacement.
    What is drawn hangs on the seed and on the features, not on their order.

    Args:
        reference_features: ``[N, d]``, N ≥ 2.
        features: ``[M, d]``, M ≥ 2.
        subsets: how many are drawn of either side, ≥ 1.
        subset_size: their size, ≥ 2; the number of samples of a side that has fewer, for both.
        seed: of the draws.

    Returns:
        Mean and population standard deviation over subsets, in no unit. The mean is unbiased, and
        so below 0 about as often as above where both sides are alike.

    Raises:
        UserError: subsets < 1 or subset_size < 2, fewer than 2 samples, not ``[N, d]``, of unequal
            dimension, or values that are not finite.
    """
    if subsets < 1:
        raise UserError(f"subsets: expected at least 1, got {subsets}")
    if subset_size < 2:
        raise UserError(f"subset_size: expected at least 2, got {subset_size}")
    reference, generated = _sides(reference_features, features)
    size = min(subset_size, len(reference), len(generated))
    if size == max(len(reference), len(generated)):
        subsets = 1  # any other would be the same
    centre = reference.mean(axis=0, dtype=np.float64)
    sides = [(_centred(side, centre), own_order(side)) for side in (reference, generated)]
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(subsets):
        real, fake = (side[rng.choice(order, size, replace=False)] for side, order in sides)
        values.append(_mmd(real, fake, _within(real)))
    return float(np.mean(values)), float(np.std(values))


def squared_mmd(
    reference_features: Array, features: Array, *, similarity: float | None = None
) -> float:
    """The unbiased squared maximum mean discrepancy of all samples (Gretton et al. 2012, eq. 3).

    E k(x, x′) + E k(y, y′) − 2 E k(x, y), each over all pairs of different samples, with the cubic
    kernel k(x, y) = (x·y/d + 1)³ of Bińkowski et al. 2018.

    Args:
        reference_features: ``[N, d]``, N ≥ 2.
        features: ``[M, d]``, M ≥ 2.
        similarity: the reference's ``self_similarity``, if known; computed otherwise.

    Raises:
        UserError: fewer than 2 samples, not ``[N, d]``, of unequal dimension, or not finite.
    """
    reference, generated = _sides(reference_features, features)
    centre = reference.mean(axis=0, dtype=np.float64)
    real, fake = _centred(reference, centre), _centred(generated, centre)
    return _mmd(real, fake, _within(real) if similarity is None else similarity)


def self_similarity(features: Array) -> float:
    """E k(x, x′) over all pairs of different samples among ``[N, d]``, N ≥ 2; see ``squared_mmd``.

    Raises:
        UserError: fewer than 2 samples, not ``[N, d]``, or not finite.
    """
    points = as_points(features, "features", at_least=2)
    return _within(_centred(points, points.mean(axis=0, dtype=np.float64)))


@dataclass(frozen=True, eq=False)
class _Centred:
    """Points x = c + a about a centre c, by which x·y/d + 1 = a·b/d + o(x) + o(y).

    The products of float32 points are taken in float32, in half the time: they are as small as the
    points' spread, whatever their offset, and the errors of single products, being independent,
    all but vanish in a mean over pairs. Everything else is float64.

    Attributes:
        points: a/√d, ``[N, d]``.
        offsets: o(x) = (x·c − c·c/2)/d + ½, float64 ``[N]``.
    """

    points: Points
    offsets: Floats

    def __getitem__(self, index: slice | Indices) -> _Centred:
        return _Centred(self.points[index], self.offsets[index])

    def blocks(self) -> list[_Centred]:
        return [self[i : i + BLOCK] for i in range(0, len(self.points), BLOCK)]


def _centred(points: Points, centre: Floats) -> _Centred:
    count, dimension = points.shape
    largest = float(np.abs(points).max()) + float(np.abs(centre).max())
    single = points.dtype == np.float32 and largest < SQUARED
    centred: Points = np.empty(points.shape, np.float32 if single else np.float64)
    offsets = np.empty(count)
    for start in range(0, count, BLOCK):
        part = slice(start, start + BLOCK)
        centred[part] = (points[part] - centre) / np.sqrt(dimension)
        offsets[part] = np.einsum("nd,d->n", points[part], centre)
    return _Centred(centred, (offsets - centre @ centre / 2) / dimension + 0.5)


def _sides(reference_features: Array, features: Array) -> tuple[Points, Points]:
    reference = as_points(reference_features, "reference features", at_least=2)
    generated = as_points(features, "features", at_least=2)
    check_columns(generated, "features", reference, "reference features")
    return reference, generated


def _mmd(reference: _Centred, generated: _Centred, similarity: float) -> float:
    total = sum(_sum(*pair) for pair in product(reference.blocks(), generated.blocks()))
    pairs = len(reference.points) * len(generated.points)
    return similarity + _within(generated) - 2 * total / pairs


def _within(side: _Centred) -> float:
    blocks, count = side.blocks(), len(side.points)
    own = sum(_sum(block, block) for block in blocks)
    others = sum(_sum(*pair) for pair in combinations(blocks, 2))
    return (own + 2 * others) / (count * (count - 1))


def _sum(rows: _Centred, columns: _Centred) -> float:
    """The sum of the kernels of all pairs between two blocks, or of all different points in one."""
    # Of an array with itself numpy takes one half of the products only.
    products = rows.points @ columns.points.T
    total = 0.0
    for start in range(0, len(products), ROWS):
        part = slice(start, start + ROWS)
        kernels = products[part] + rows.offsets[part, np.newaxis]
        kernels += columns.offsets
        total += float(np.vdot(kernels * kernels, kernels))
    if rows is columns:
        total -= float(((products.diagonal() + 2 * rows.offsets) ** 3).sum())
    return total
