"""Improved precision and recall: fidelity and diversity of generated samples."""

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
    """Precision and recall of k-nearest-neighbour manifolds (Kynkäänniemi et al. 2019, eq. 2).

    ``precision`` is the share of generated samples within the k-th-neighbour ball of some
    reference sample, ``recall`` the same with the roles exchanged. Balls include their boundary,
    and no sample is its own neighbour. Both depend on the numbers of samples: compare values at
    equal numbers only.
    """

    better: ClassVar[Mapping[str, Literal["lower", "higher"]]] = {
        "precision": "higher",
        "recall": "higher",
    }

    k: Annotated[int, Ge(1)] = 3
    """Which nearest neighbour a sample's ball reaches."""

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
        manifold = Manifold(state["features"], self.k, radii=state["radii"])
        scores = manifold.scores(generated.vectors)
        return {"precision": scores.precision, "recall": scores.recall}
