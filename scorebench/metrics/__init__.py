"""Metrics as pure functions on arrays ``[N, d]``, numpy or torch; computed in float64."""

from __future__ import annotations

from scorebench.metrics.accumulator import GaussianAccumulator, gaussian_statistics
from scorebench.metrics.arrays import LARGEST_FEATURE
from scorebench.metrics.authenticity import authenticity
from scorebench.metrics.ct_score import CopyingTest, ct_score
from scorebench.metrics.extrapolation import fid_infinity
from scorebench.metrics.frechet import frechet_distance
from scorebench.metrics.gaussian import GaussianStatistics
from scorebench.metrics.inception_score import inception_score
from scorebench.metrics.jackknife import frechet_interval
from scorebench.metrics.kernel_distance import (
    kernel_distance,
    self_similarity,
    squared_mmd,
)
from scorebench.metrics.manifold import Manifold, ManifoldScores
from scorebench.metrics.neighbours import nearest
from scorebench.metrics.vendi import vendi

__all__ = [
    "LARGEST_FEATURE",
    "CopyingTest",
    "GaussianAccumulator",
    "GaussianStatistics",
    "Manifold",
    "ManifoldScores",
    "authenticity",
    "ct_score",
    "fid_infinity",
    "frechet_distance",
    "frechet_interval",
    "gaussian_statistics",
    "inception_score",
    "kernel_distance",
    "nearest",
    "self_similarity",
    "squared_mmd",
    "vendi",
]
