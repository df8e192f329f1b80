"""How samples divide among the modes of known data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import MinLen
from pydantic import FiniteFloat

import scorebench

if TYPE_CHECKING:
    from scorebench import Context, Evidence

Vector = Annotated[list[FiniteFloat], MinLen(1)]


@dataclass(frozen=True, kw_only=True)
class ModeWeights(scorebench.Metric):
    """The share of samples at each mode, compared with the reference's.

    A sample belongs to the centre nearest to it in Euclidean distance, the first of several
    equally near. ``mode_weight`` is the share p̂₁ of generated samples at the first centre;
    ``mode_weight_error`` is the total variation distance ½·Σₖ|p̂ₖ − q̂ₖ| between the shares of
    generated and of reference samples. Both lie in [0, 1]. Centres and samples are compared as
    features, so use ``features: identity`` where centres are points of the data.
    """

    better: ClassVar[Mapping[str, Literal["lower", "higher"]]] = {"mode_weight_error": "lower"}
    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({"centres": [[-1.0, 0.0], [1.0, 0.0]]},)

    centres: Annotated[list[Vector], MinLen(2)]
    """The modes: at least two different lists of d numbers, d that of the features."""

    def __post_init__(self) -> None:
        if len({len(centre) for centre in self.centres}) > 1:
            raise ValueError("centres must all have the same length")
        if len({tuple(centre) for centre in self.centres}) < len(self.centres):
            raise ValueError("centres must differ from each other, but one is given twice")

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        """The reference's ``shares``, float64 ``[K]``.

        Raises:
            UserError: features and centres differ in dimension.
        """
        return {"shares": self._shares(reference)}

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        shares = self._shares(generated)
        distance = np.abs(shares - state["shares"]).sum() / 2
        return {"mode_weight": float(shares[0]), "mode_weight_error": float(distance)}

    def _shares(self, side: Evidence) -> np.ndarray[Any, np.dtype[np.float64]]:
        from scipy.spatial.distance import cdist

        assert side.vectors is not None
        centres = np.array(self.centres)
        if side.vectors.shape[1] != centres.shape[1]:
            raise scorebench.UserError(
                f"mode_weights: centres have {centres.shape[1]} coordinates, but features have "
                f"{side.vectors.shape[1]}; give centres in the space of the suite's features"
            )
        nearest = cdist(side.vectors, centres).argmin(axis=1)
        return np.bincount(nearest, minlength=len(centres)) / side.count
