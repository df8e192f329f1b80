"""Improved precision and recall, density and coverage: fidelity and diversity apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge

import scorebench
from scorebench.metrics import Manifold

if TYPE_CHECKING:
    import numpy as np

    from scorebench import Context, Evidence


@dataclass(frozen=True, kw_only=True)
class PrecisionRecall(scorebench.Metric):
    """Precision, recall, density and coverage of k-nearest-neighbour manifolds.

    A ball around each sample reaches its k-th nearest other sample of the same side, a duplicate
    being one. ``precision`` is the share of generated samples within some reference ball,
    ``recall`` that of reference samples within some generated ball (Kynkäänniemi et al. 2019,
    eq. 2); ``density`` is the number of reference balls around a generated sample, over k, on
    average, which may exceed 1; ``coverage`` the share of reference balls that hold a generated
    sample (Naeem et al. 2020, section 3).

    Every comparison comes out as with float64 sums of squared differences, ties, duplicates and
    features far from 0 included. Balls include their boundary, as in torch-fidelity (its input 1
    is the generated side); with ``boundary: open`` they don't, as in prdc, whose nearest_k is k.

    All four depend on k and on the number of samples of either side: compare values at equal ones,
    of equal features, only. A copy of a reference sample counts as well as a new sample.
    """

    better: ClassVar[Mapping[str, Literal["lower", "higher"]]] = {
        "precision": "higher",
        "recall": "higher",
        "density": "higher",
        "coverage": "higher",
    }

    k: Annotated[int, Ge(1)] = 3
    """Which nearest neighbour a sample's ball reaches."""

    boundary: Literal["closed", "open"] = "closed"
    """Whether a sample at exactly the radius is inside: closed (≤), or open (<), as in prdc."""

    @property
    def minimum_samples(self) -> int:
        return self.k + 1

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        assert reference.vectors is not None
        manifold = Manifold(reference.vectors, self.k)
        return {"features": reference.vectors, "radii": manifold.radii}

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        assert generated.vectors is not None
        manifold = Manifold(state["features"], self.k, radii=state["radii"], boundary=self.boundary)
        return dict(vars(manifold.scores(generated.vectors)))
