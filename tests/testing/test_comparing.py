from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from scorebench.testing.comparing import company_matters, difference, worst
from scorebench.testing.precision import rounding


def test_a_difference_is_relative_to_the_largest_number() -> None:
    assert difference(torch.tensor([1.0, 3.0]), torch.tensor([1.5, 4.0])) == 0.25
    assert difference(torch.zeros(2), torch.zeros(2)) == 0
    assert math.isnan(difference(torch.tensor([math.nan, 1.0]), torch.ones(2)))
    with pytest.raises(ValueError, match=r"got shape \[2\] instead of \[2, 1\]"):
        difference(torch.ones(2), torch.ones(2, 1))


@pytest.mark.parametrize("numbers", [[math.nan, 1.0], [1.0, math.nan]])
def test_nothing_is_worse_than_not_a_number(numbers: list[float]) -> None:
    assert math.isnan(worst(numbers))
    assert worst([1.0, 3.0, 2.0]) == 3


X = torch.arange(1.0, 7.0)[:, None]


def mean_of_the_others(index: Tensor) -> Tensor:
    return X[index] + X[index].mean()


def place_in_the_batch(index: Tensor) -> Tensor:
    return X[index] + torch.arange(len(index))[:, None] / 100


def size_of_the_batch(index: Tensor) -> Tensor:
    return X[index] * len(index)


def none(index: Tensor) -> Tensor:
    return X[index] ** 2


@pytest.mark.parametrize("rows", [mean_of_the_others, place_in_the_batch, size_of_the_batch])
def test_company_is_noticed(rows: object) -> None:
    assert company_matters(rows, 6) > 1e-3  # type: ignore[arg-type]
    assert company_matters(none, 6) == 0


def test_half_of_the_digits_are_rounding() -> None:
    assert rounding(torch.float64) == pytest.approx(1.49e-8, rel=0.01)
    assert rounding(torch.float32) == pytest.approx(3.45e-4, rel=0.01)
