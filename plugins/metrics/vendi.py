"""The Vendi score: the diversity of generated samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import scorebench
from scorebench.metrics import vendi

if TYPE_CHECKING:
    import numpy as np

    from scorebench import Context, Evidence


@dataclass(frozen=True, kw_only=True)
class Vendi(scorebench.Metric):
    """How many different samples there are, in effect (Friedman & Dieng 2023).

    exp(−Σλ log λ) over the eigenvalues λ of K/N, K the cosine similarity of the N generated
    samples' features, in float64: from 1, all of one direction, to the smaller of N and their
    dimension, all orthogonal. It grows with N: compare values at equal numbers of samples only.
    The reference isn't looked at, so noise scores high: read it beside a metric of fidelity.
    """

    compares: ClassVar[bool] = False
    better: ClassVar[Mapping[str, Literal["lower", "higher"]]] = {"vendi": "higher"}

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        return {}

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        assert generated.vectors is not None
        return {"vendi": vendi(generated.vectors)}
