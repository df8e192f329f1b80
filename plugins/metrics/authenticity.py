"""Authenticity: whether generated samples are copies of training samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import scorebench
from scorebench import DatasetSpec
from scorebench.metrics import authenticity, nearest

if TYPE_CHECKING:
    import numpy as np

    from scorebench import Context, Evidence


@dataclass(frozen=True, kw_only=True)
class Authenticity(scorebench.Metric):
    """The share of generated samples that aren't copies of training samples (Alaa et al. 2022).

    A sample is authentic if it is further from the nearest training sample than that one is from
    the nearest other training sample, in exact Euclidean distances of features; on a tie it isn't.
    In [0, 1], where Stein et al. 2023 report per cent (AuthPct). Copies of the training set have 0,
    but samples that are far from any data have 1: read it beside a metric of fidelity. New samples
    of the data itself have the share of points that aren't the nearest of their nearest: 1/3 in one
    dimension, 0.38 in two, more in many. Compare values for equal training sets only.
    """

    better: ClassVar[Mapping[str, Literal["lower", "higher"]]] = {"authenticity": "higher"}

    train: DatasetSpec | None = None
    """The data that the model was fitted to: a dataset's name, or a mapping with name and
    parameters; the suite's reference where not given."""

    @property
    def datasets(self) -> Mapping[str, DatasetSpec]:
        return {} if self.train is None else {"train": self.train}

    @property
    def minimum_samples(self) -> int:
        return 2

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        """Features ``train`` ``[N, d]`` and ``spacing``, float64 ``[N]``: how far they are apart.

        Raises:
            UserError: there are fewer than 2 training samples.
        """
        train = reference.others.get("train", reference).vectors
        assert train is not None
        return {"train": train, "spacing": nearest(train)[0]}

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        assert generated.vectors is not None
        share = authenticity(state["train"], generated.vectors, spacing=state["spacing"])
        return {"authenticity": share}
