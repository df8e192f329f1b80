"""FID: the Fréchet distance between features of real and generated samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

import scorebench
from scorebench.metrics import GaussianStatistics, frechet_distance, gaussian_statistics

if TYPE_CHECKING:
    from scorebench import Context, Evidence


@dataclass(frozen=True, kw_only=True)
class FID(scorebench.Metric):
    """Fréchet distance between Gaussians fitted to features (Heusel et al. 2017, eq. 6).

    The squared form, ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2(Σ₁Σ₂)^½), in float64, with covariances
    normalised by N - 1 and nothing added to them. It is biased upwards when samples are few:
    compare values at equal numbers of samples only. The features are the suite's; values are
    comparable with published FIDs only with the Inception network those were computed with.
    """

    better: ClassVar[Mapping[str, Literal["lower", "higher"]]] = {"fid": "lower"}

    @property
    def minimum_samples(self) -> int:
        return 2

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        assert reference.vectors is not None
        statistics = gaussian_statistics(reference.vectors)
        return {
            "mean": statistics.mean,
            "covariance": statistics.covariance,
            "count": np.array([statistics.count]),
            "root": statistics.root,
        }

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        assert generated.vectors is not None
        reference = GaussianStatistics.with_root(
            state["mean"], state["covariance"], state["count"].item(), state["root"]
        )
        return {"fid": frechet_distance(reference, gaussian_statistics(generated.vectors))}
