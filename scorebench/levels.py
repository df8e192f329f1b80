"""Noise levels that suit a dataset: how far they must reach, how fine, how densely, in what steps.

Song & Ermon 2020, "Improved techniques for training score-based generative models", gives the
techniques; all but the rule for the smallest level, which is a rule of thumb of our own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr

from scorebench.errors import UserError

if TYPE_CHECKING:
    from scorebench.plugin.contracts import SampleSource

Samples: TypeAlias = "SampleSource | npt.NDArray[Any]"
Floats: TypeAlias = npt.NDArray[np.float64]

# Of the distance to the nearest neighbour, how much the smallest level may move a sample.
BLUR = 0.1
# Overlap of equal levels is Φ(3) − Φ(−3) = 0.997, so more can't be asked for.
MOST_OVERLAP = 0.99
# Rows and numbers of a block: 32 MiB of samples and 32 MiB of distances, whatever there is.
MOST_ROWS, MOST_NUMBERS = 2048, 2**22
# Squared distances below this share of the squared lengths are rounding: duplicates.
ROUNDING = 1e-12


def largest_distance(x: Samples) -> float:
    """The Euclidean distance of the two samples farthest apart: σ₁ by Technique 1.

    Exact, in float64. By the triangle inequality a pair can't be farther apart than the sum of
    its distances to the mean, which spares most pairs of most datasets. Memory is bounded by two
    blocks, which are read again and again.

    Args:
        x: ``[N, *event]``, an array, a tensor or what a dataset holds; not scaled.

    Raises:
        UserError: all samples are equal, or hold values that aren't finite.
    """
    centre, slices = _mean(x), _slices(x)
    radii = _distances_to(x, centre)
    best, end = 0.0, int(radii.argmax())
    for _ in range(3):  # to the farthest sample, and from there again: most often it is found here
        distances = _distances_to(x, _vectors(x, slice(end, end + 1))[0])
        best, end = max(best, float(distances.max())), int(distances.argmax())
    for rows, columns in itertools.combinations_with_replacement(slices, 2):
        reaching = radii[rows] + radii[columns].max() > best
        reached = radii[columns] + radii[rows].max() > best
        if reaching.any() and reached.any():
            left, right = _vectors(x, rows)[reaching], _vectors(x, columns)[reached]
            squared = _squared_distances(left - centre, right - centre)
            i, j = np.unravel_index(squared.argmax(), squared.shape)
            best = max(best, float(np.linalg.norm(left[i] - right[j])))
    if best == 0:
        raise UserError("all samples are equal; noise levels need at least two that differ")
    return best


def nearest_distances(x: Samples, queries: int = 1000) -> Floats:
    """The Euclidean distances of some samples to their nearest different neighbour, ``[Q]``.

    Args:
        x: ``[N, *event]``, as for ``largest_distance``. Duplicates of a sample are passed over.
        queries: at most so many samples, evenly spaced, look for their neighbour among all.

    Raises:
        UserError: all samples are equal, or hold values that aren't finite.
    """
    centre = _mean(x)
    chosen = np.linspace(0, len(x) - 1, min(queries, len(x))).round().astype(int)
    nearest = np.full(len(chosen), np.inf)
    size = _rows(x)
    for start in range(0, len(chosen), size):
        asking = slice(start, start + size)
        samples = np.concatenate([_vectors(x, slice(i, i + 1)) for i in chosen[asking]]) - centre
        for rows in _slices(x):
            others = _vectors(x, rows) - centre
            squared = _squared_distances(samples, others)
            lengths = np.square(samples).sum(1)[:, None] + np.square(others).sum(1)
            squared[squared <= ROUNDING * lengths] = np.inf
            nearest[asking] = np.minimum(nearest[asking], np.sqrt(squared.min(axis=1)))
    if np.isinf(nearest).all():
        raise UserError("all samples are equal; noise levels need at least two that differ")
    return nearest


def sigma_min_for(nearest_distance: float, dimension: int) -> float:
    """The smallest level: its blur, about σ√D, is a tenth of the distance to a neighbour.

    A rule of thumb. Song & Ermon 2020 fix σ_L = 0.01 for images in [0, 1]; the last level's blur
    stays in the samples unless they are denoised.
    """
    return BLUR * nearest_distance / math.sqrt(dimension)


def overlap(ratio: float, dimension: int) -> float:
    """How much neighbouring levels share: Φ(√(2D)(γ−1) + 3γ) − Φ(√(2D)(γ−1) − 3γ), in [0, 1].

    In many dimensions the length of noise of level σ is nearly N(√D·σ, σ²/2). This is the share
    of it within three standard deviations of the length at the level above, γσ (Technique 2).
    """
    shift = math.sqrt(2 * dimension) * (ratio - 1)
    return float(ndtr(3 * ratio - shift) - ndtr(-3 * ratio - shift))


def ratio_for_overlap(dimension: int, share: float = 0.5) -> float:
    """The ratio γ > 1 of neighbouring levels with a given overlap: Technique 2, C = ``share``.

    Returns:
        γ; infinity in up to four dimensions, where the levels overlap more whatever their ratio.

    Raises:
        UserError: ``share`` isn't in (0, 0.99].
    """
    if not 0 < share <= MOST_OVERLAP:
        raise UserError(f"an overlap must be above 0 and at most {MOST_OVERLAP}, got {share}")
    growth = math.sqrt(2 * dimension) - 3
    if growth <= 0:
        return math.inf
    apart = (growth + 43) / growth  # √(2D)(γ−1) − 3γ is 40 here, and Φ(−40) is 0
    return float(brentq(lambda ratio: overlap(ratio, dimension) - share, 1, apart))


def count_levels(sigma_max: float, sigma_min: float, ratio: float) -> int:
    """The fewest geometric levels from σ_max to σ_min whose ratio is at most ``ratio``."""
    return 1 + max(1, math.ceil(math.log(sigma_max / sigma_min) / math.log(ratio) - 1e-9))


def variance_left(ratio: float, fraction: float, steps_per_level: int) -> float:
    """s_T²/σ²: the variance after T steps at level σ, as a multiple of what it should be.

    Of data that is a single point, on arrival from the level γσ: each step of size α = uσ² takes
    the variance v to (1−u)²v + 2uσ². So it goes from γ² to 2/(2−u), and is (1−u)^(2T)·γ² +
    (1 − (1−u)^(2T))·2/(2−u) after T steps (Song & Ermon 2020, proposition 3).

    Args:
        ratio: γ.
        fraction: u, in (0, 1]; of the convention ``full``.
        steps_per_level: T.
    """
    kept = (1 - fraction) ** (2 * steps_per_level)
    return kept * ratio**2 + (1 - kept) * 2 / (2 - fraction)


def step_size_for(
    ratio: float,
    sigma_min: float,
    steps_per_level: int,
    convention: Literal["half", "full"] = "full",
) -> float:
    """Technique 4: the step size ε at σ_L for which s_T² comes closest to σ².

    It never gets there: the variance goes from γ² to 2/(2−u), and both are above 1. The smallest
    value is where the derivative with respect to u = ε/σ_L² is 0, which is at one place only.

    Args:
        ratio: γ > 1 of neighbouring levels.
        sigma_min: σ_L.
        steps_per_level: T ≥ 1.
        convention: of the step; ``full``, x + ε·s + √(2ε)·z, is the paper's, and ``half`` takes
            twice its ε for the same step.
    """
    power, gap = 2 * steps_per_level, ratio**2 - 1

    def slope(u: float) -> float:
        """(2−u)²/2 times the derivative of ``variance_left``."""
        kept = (1 - u) ** power
        pull = power * (1 - u) ** (power - 1) * (2 - u) * (gap - (1 + gap) * u / 2)
        return 1 - kept - pull

    fraction = float(brentq(slope, 0, 1))
    return fraction * sigma_min**2 * (1 if convention == "full" else 2)


def _rows(x: Samples) -> int:
    return max(1, min(MOST_ROWS, MOST_NUMBERS // max(1, math.prod(x.shape[1:]))))


def _slices(x: Samples) -> list[slice]:
    size = _rows(x)
    return [slice(start, min(start + size, len(x))) for start in range(0, len(x), size)]


def _vectors(x: Samples, rows: slice) -> Floats:
    """Samples as float64 ``[rows, d]``."""
    return np.asarray(x[rows], dtype=np.float64).reshape(rows.stop - rows.start, -1)


def _blocks(x: Samples) -> Iterator[Floats]:
    return (_vectors(x, rows) for rows in _slices(x))


def _mean(x: Samples) -> Floats:
    """The mean ``[d]``, which is taken off so that products of samples keep their digits."""
    mean: Floats = np.sum([block.sum(0) for block in _blocks(x)], axis=0) / len(x)
    if not np.isfinite(mean).all():
        raise UserError("the samples hold values that aren't finite")
    return mean


def _distances_to(x: Samples, point: Floats) -> Floats:
    return np.concatenate([np.linalg.norm(block - point, axis=1) for block in _blocks(x)])


def _squared_distances(left: Floats, right: Floats) -> Floats:
    """‖l − r‖² ``[len(left), len(right)]`` from products, up to rounding of the squared lengths."""
    lengths = np.square(left).sum(1)[:, None] + np.square(right).sum(1)
    squared: Floats = lengths - 2 * (left @ right.T)
    return squared
