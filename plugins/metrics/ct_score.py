"""The C_T score: a test of whether a model copies the data it was fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Lt

import scorebench
from scorebench import DatasetSpec
from scorebench.metrics import CopyingTest

if TYPE_CHECKING:
    import numpy as np

    from scorebench import Context, Evidence


@dataclass(frozen=True, kw_only=True)
class CTScore(scorebench.Metric):
    """Whether samples are nearer to the training set than held-out data (Meehan et al. 2020).

    Features of the training set are parted into cells by k-means. In each, the Euclidean distances
    of generated samples to the nearest training sample of the cell are compared with those of
    held-out samples, by the z-score of the Mann–Whitney U test: a tie counts ½, with no correction
    for ties or continuity. ``ct_score`` is the average over cells, weighted by held-out samples;
    cells with fewer generated samples than ``fewest``, or no held-out ones, are left out, and it is
    nan where none is left.

    It is far below 0 where the model copies, far above where its samples are far from the data, and
    0 is best, so that it isn't ranked. Samples as new as the held-out ones have about N(0, 1/cells)
    if cells are of equal size. It grows with the square root of the numbers of samples: compare
    values at equal numbers only. Stein et al. 2023 first reduce features to 64 dimensions by PCA;
    here they are taken as they are.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"held_out": {"name": "digits", "split": "test"}},
        {"train": {"name": "digits", "split": "train"}, "cells": 1},
    )

    train: DatasetSpec | None = None
    """The data that the model was fitted to: a dataset's name, or a mapping with name and
    parameters; the suite's reference where not given."""
    held_out: DatasetSpec | None = None
    """Data of the same kind that it was not fitted to; the suite's reference where not given."""
    cells: Annotated[int, Ge(1)] = 3
    """Number of cells that the training set is parted into, in which distances are compared."""
    fewest: Annotated[int, Ge(1)] = 20
    """Generated samples for a cell to count, τ·N in the paper."""
    seed: Annotated[int, Ge(0), Lt(2**32)] = 0
    """Seed of the partition, the same in every cell of the suite."""

    def __post_init__(self) -> None:
        if self.train == self.held_out:
            raise ValueError(
                "train and held_out must be different data: name one of them, or both; the "
                "suite's reference is the other"
            )

    @property
    def datasets(self) -> Mapping[str, DatasetSpec]:
        given = {"train": self.train, "held_out": self.held_out}
        return {name: spec for name, spec in given.items() if spec is not None}

    @property
    def minimum_samples(self) -> int:
        return self.cells * (self.fewest - 1) + 1  # so that some cell has enough

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        """The fields of a ``CopyingTest``.

        Raises:
            UserError: both datasets are the same data, there are fewer training samples than
                cells, or the two differ in dimension.
        """
        train, held_out = (
            reference.others.get(s, reference).vectors for s in ("train", "held_out")
        )
        assert train is not None
        assert held_out is not None
        if train.shape == held_out.shape and (train == held_out).all():
            raise scorebench.UserError(
                "train and held_out are the same data, one of them being the suite's reference; "
                "name the data that the model was fitted to, and other data"
            )
        return vars(CopyingTest.fit(train, held_out, self.cells, self.seed))

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        assert generated.vectors is not None
        return {"ct_score": CopyingTest(**state).score(generated.vectors, self.fewest)}
