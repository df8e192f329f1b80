"""Datasets that break a law each, and the checks that must notice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from scorebench import Context, Data, Dataset
from scorebench.testing import Outcome, run_checks

IMAGES = torch.arange(20 * 12, dtype=torch.uint8).reshape(20, 3, 2, 2)
LABELS = torch.arange(20) % 3
SOUND = Data(IMAGES, LABELS, (0, 255))
POINTS = torch.linspace(-1, 1, 40).reshape(20, 2)


@dataclass
class Source:
    """Samples that are read when asked for; subclasses read them wrongly."""

    x: Tensor = IMAGES

    @property
    def shape(self) -> Any:
        return self.x.shape

    @property
    def dtype(self) -> torch.dtype:
        return self.x.dtype

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: slice) -> Tensor:
        return self.x[index]


class Backwards(Source):
    def __getitem__(self, index: slice) -> Tensor:
        return self.x[index].flip(0)


class FullSlicesOnly(Source):
    def __getitem__(self, index: slice) -> Tensor:
        return self.x[index.start : min(index.stop, len(self) - len(self) % 7)]


class OverTheEnd(Source):
    def __getitem__(self, index: slice) -> Tensor:
        first = index.start or 0
        return self.x[torch.arange(first, index.stop) % len(self)]


class Shuffled(Source):
    def __getitem__(self, index: slice) -> Tensor:
        return self.x[torch.randperm(len(self))][index]


class OfAnotherType(Source):
    dtype = torch.float32  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class Holding(Dataset):
    """A dataset of given data."""

    data: Data

    def load(self, context: Context) -> Data:
        return self.data


class Split(Holding):
    """A dataset whose split is drawn anew each time."""

    def load(self, context: Context) -> Data:
        chosen = torch.randperm(20)[:10]
        return Data(IMAGES[chosen], LABELS[chosen], (0, 255))


def outcomes(dataset: Dataset) -> dict[str, Outcome]:
    return {o.check: o for o in run_checks("dataset", dataset)}


@pytest.mark.parametrize(
    "data", [SOUND, Data(Source(), LABELS, (0, 255)), Data(POINTS, LABELS, (-1, 1))]
)
def test_sound_data_passes_everything(data: Data) -> None:
    found = outcomes(Holding(data=data))
    assert len(found) == 4
    assert [o for o in found.values() if not o.passed] == []


def test_labels_and_a_value_range_may_be_missing() -> None:
    found = outcomes(Holding(data=Data(POINTS)))
    assert found.pop("whole labels").passed is None
    assert all(o.passed for o in found.values())


@pytest.mark.parametrize(
    ("dataset", "check", "told"),
    [
        (replace(SOUND, value_range=(0, 1)), "images or numbers", "not in (0, 1)"),
        (replace(SOUND, value_range=None), "images or numbers", "not in None"),
        (replace(SOUND, x=IMAGES[:, 0]), "images or numbers", "uint8 samples are images"),
        (replace(SOUND, x=IMAGES.long()), "images or numbers", "got torch.int64"),
        (replace(SOUND, x=IMAGES[:0]), "images or numbers", "0 samples"),
        (replace(SOUND, x=OfAnotherType()), "images or numbers", "says it is torch.float32"),
        (Data(POINTS / 0), "images or numbers", "must be finite floats"),
        (Data(POINTS, value_range=(0, 1)), "images or numbers", "from -1 to 1 leave value_range"),
        (replace(SOUND, x=Backwards()), "slices in order", "slices of 1 give other samples"),
        (replace(SOUND, x=OverTheEnd()), "slices in order", "slices of 1 give other samples"),
        (replace(SOUND, x=FullSlicesOnly()), "slices in order", "gives 0 samples where 3 are left"),
        (replace(SOUND, x=Shuffled()), "slices in order", "slices of 1 give other samples"),
        (replace(SOUND, labels=LABELS[1:]), "whole labels", "torch.int64 [19], not int64 [20]"),
        (replace(SOUND, labels=LABELS.int()), "whole labels", "torch.int32 [20]"),
        (replace(SOUND, labels=LABELS - 1), "whole labels", "from -1 to 1"),
    ],
    ids=lambda value: None if isinstance(value, Data) else str(value),
)
def test_what_is_broken_is_caught(dataset: Data, check: str, told: str) -> None:
    found = outcomes(Holding(data=dataset))[check]
    assert found.passed is False
    assert told in found.message


def test_a_split_that_changes_is_caught() -> None:
    assert outcomes(Split(data=SOUND))["same data again"].passed is False
