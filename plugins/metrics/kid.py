"""KID: the kernel distance between features of real and generated samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge

import scorebench
from scorebench.metrics import kernel_distance, self_similarity, squared_mmd

if TYPE_CHECKING:
    from scorebench import Context, Evidence


@dataclass(frozen=True, kw_only=True)
class KID(scorebench.Metric):
    """Squared maximum mean discrepancy of features (Bińkowski et al. 2018).

    With the kernel k(x, y) = (x·y/d + 1)³ and the unbiased estimator, in which no sample is paired
    with itself. ``kid`` and ``kid_std`` are its mean and population standard deviation over random
    subsets of both sides, drawn without replacement by the seed and alike whatever order samples
    come in; ``kid_full`` is its value on all samples, which varies least. None is biased by the
    numbers of samples, all may be negative, and none is multiplied by 10³ as in some papers. The
    standard deviation says how subsets differ, not how far off the mean is. Comparable with
    published values on the features those were computed with only; published subsets are drawn
    otherwise, and mostly without a seed. The kernel isn't invariant to shifts of features.
    """

    better: ClassVar[Mapping[str, Literal["lower", "higher"]]] = {
        "kid": "lower",
        "kid_full": "lower",
    }

    subsets: Annotated[int, Ge(1)] = 100
    """Number of random subsets."""
    subset_size: Annotated[int, Ge(2)] = 1000
    """Samples of either side in a subset; the smaller side's number where it has fewer."""
    seed: Annotated[int, Ge(0)] = 0
    """Seed of the draws, the same in every cell."""

    @property
    def minimum_samples(self) -> int:
        return 2

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        """The reference's ``features`` ``[N, d]`` and their ``similarity`` ``[1]``."""
        assert reference.vectors is not None
        similarity = np.array([self_similarity(reference.vectors)])
        return {"features": reference.vectors, "similarity": similarity}

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        assert generated.vectors is not None
        mean, std = kernel_distance(
            state["features"], generated.vectors, self.subsets, self.subset_size, self.seed
        )
        full = squared_mmd(
            state["features"], generated.vectors, similarity=state["similarity"].item()
        )
        return {"kid": mean, "kid_std": std, "kid_full": full}
