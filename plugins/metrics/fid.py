"""FID: the Fréchet distance between features of real and generated samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge

import scorebench
from scorebench.metrics import (
    GaussianStatistics,
    fid_infinity,
    frechet_distance,
    frechet_interval,
    gaussian_statistics,
)
from scorebench_plugins.metrics.published_statistics import read_statistics

if TYPE_CHECKING:
    import numpy as np

    from scorebench import Context, Evidence


@dataclass(frozen=True, kw_only=True)
class FID(scorebench.Metric):
    """Fréchet distance between Gaussians fitted to features (Heusel et al. 2017, eq. 6).

    The squared form, ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2(Σ₁Σ₂)^½), in float64, with covariances
    normalised by N - 1 and nothing added to them; exact to 1e-9 of tr(Σ₁ + Σ₂), also where samples
    are fewer than dimensions. On equal features it agrees with clean-fid, pytorch-fid and
    torch-fidelity, but for what those lose in rounding.

    It is biased upwards when samples are few, by about c/N with a c that depends on the model:
    compare values at equal numbers of samples only, or ``fid_infinity``. The features are the
    suite's; values are comparable with published FIDs only with the network, the resizing and the
    reference that those were computed with.
    """

    statistics: Path | None = None
    """An .npz file with mu and sigma, as clean-fid and pytorch-fid publish them, to compare with
    instead of the suite's reference; of the same features."""

    infinity: Annotated[int, Ge(0)] = 0
    """Number of subset sizes, N/10 to N, from which the column fid_infinity is extrapolated
    (Chong & Forsyth 2020, who take 15); 0: none."""

    jackknife: Annotated[int, Ge(0)] = 0
    """Number of groups of a delete-a-group jackknife, which gives the columns fid_low and fid_high,
    a 95 % interval of the expected fid at this number of samples; 0: none."""

    seed: Annotated[int, Ge(0)] = 0
    """Of the subsets for fid_infinity."""

    def __post_init__(self) -> None:
        if self.infinity == 1:
            raise ValueError("infinity: a line takes at least 2 sizes; 0 for none")
        if self.jackknife == 1:
            raise ValueError("jackknife: a variance takes at least 2 groups; 0 for none")

    @property
    def better(self) -> Mapping[str, Literal["lower", "higher"]]:
        return {"fid": "lower", **({"fid_infinity": "lower"} if self.infinity else {})}

    @property
    def minimum_samples(self) -> int:
        return max(20 if self.infinity else 2, 4 if self.jackknife == 2 else self.jackknife)

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        """The reference's ``mean`` ``[d]`` and ``root`` ``[r, d]``, rootᵀ·root its covariance."""
        assert reference.vectors is not None
        if self.statistics is None:
            statistics = gaussian_statistics(reference.vectors)
        else:
            statistics = read_statistics(self.statistics)
            dimension = reference.vectors.shape[1]
            if len(statistics.mean) != dimension:
                raise scorebench.UserError(
                    f"{self.statistics}: statistics of {len(statistics.mean)} dimensions, but the "
                    f"suite's features have {dimension}; they must be of the same extractor"
                )
        return {"mean": statistics.mean, "root": statistics.root}

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        vectors = generated.vectors
        assert vectors is not None
        reference = GaussianStatistics.with_root(state["mean"], state["root"])
        columns = {"fid": frechet_distance(reference, gaussian_statistics(vectors))}
        if self.infinity:
            columns["fid_infinity"] = fid_infinity(reference, vectors, self.infinity, self.seed)
        if self.jackknife:
            low, high = frechet_interval(reference, vectors, self.jackknife)
            columns |= {"fid_low": low, "fid_high": high}
        return columns
