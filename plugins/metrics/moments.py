"""Mean and variance of samples, for data whose own are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

import scorebench

if TYPE_CHECKING:
    from scorebench import Context, Evidence


@dataclass(frozen=True, kw_only=True)
class Moments(scorebench.Metric):
    """First and second moments of features, in float64.

    ``mean_error`` is the Euclidean distance between the means of generated and reference features,
    in their units. ``variance`` is the generated side's variance (normalised by N − 1), averaged
    over the d coordinates, in squared units; ``variance_ratio`` is that over the reference's, nan
    where the reference doesn't vary. A ratio is best at 1, so neither variance is ranked.
    """

    better: ClassVar[Mapping[str, Literal["lower", "higher"]]] = {"mean_error": "lower"}

    @property
    def minimum_samples(self) -> int:
        return 2

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        """The reference's ``mean`` ``[d]`` and ``variance`` ``[1]``, averaged; float64."""
        mean, variance = _moments(reference)
        return {"mean": mean, "variance": np.array([variance])}

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        mean, variance = _moments(generated)
        expected = state["variance"].item()
        return {
            "mean_error": float(np.linalg.norm(mean - state["mean"])),
            "variance": variance,
            "variance_ratio": variance / expected if expected else math.nan,
        }


def _moments(side: Evidence) -> tuple[np.ndarray[Any, np.dtype[np.float64]], float]:
    assert side.vectors is not None
    vectors = side.vectors.astype(np.float64)
    return vectors.mean(axis=0), float(vectors.var(axis=0, ddof=1).mean())
