"""Metrics as pure functions on arrays ``[N, d]``, numpy or torch; computed in float64."""

from __future__ import annotations

from scorebench.metrics.frechet import GaussianStatistics, frechet_distance, gaussian_statistics
from scorebench.metrics.inception_score import inception_score
from scorebench.metrics.manifold import Manifold, ManifoldScores

__all__ = [
    "GaussianStatistics",
    "Manifold",
    "ManifoldScores",
    "frechet_distance",
    "gaussian_statistics",
    "inception_score",
]
