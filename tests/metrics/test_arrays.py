from __future__ import annotations

import numpy as np
import pytest
import torch

from scorebench.errors import UserError
from scorebench.metrics.arrays import LARGEST_FEATURE, as_matrix, as_points


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int64", "bool"])
def test_every_real_dtype_becomes_float64(dtype: str) -> None:
    values = np.array([[0, 1], [1, 1]]).astype(dtype)
    for given in (values, torch.from_numpy(values)):
        matrix = as_matrix(given, "x")
        assert matrix.dtype == np.float64
        assert matrix.tolist() == [[0.0, 1.0], [1.0, 1.0]]


def test_tensors_that_numpy_cannot_hold_are_read() -> None:
    tensor = torch.tensor([[1.5, -2.0]], dtype=torch.bfloat16, requires_grad=True)
    assert as_matrix(tensor, "x").tolist() == [[1.5, -2.0]]


def test_a_float64_array_is_not_copied() -> None:
    values = np.zeros((2, 2))
    assert np.shares_memory(as_matrix(values, "x"), values)


def test_points_keep_float32() -> None:
    values = np.ones((2, 2), dtype=np.float32)
    assert np.shares_memory(as_points(values, "x"), values)
    assert np.shares_memory(as_points(torch.from_numpy(values), "x"), values)
    assert as_points(values.astype(np.int32), "x").dtype == np.float64


def test_the_largest_values_are_accepted() -> None:
    as_matrix(np.array([[LARGEST_FEATURE, -LARGEST_FEATURE]]), "x")


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (np.zeros(3), r"shape \[N, d\], got \[3\]"),
        (np.zeros((2, 3, 4)), r"shape \[N, d\], got \[2, 3, 4\]"),
        (np.zeros((0, 3)), "at least 1 samples, got 0"),
        (np.zeros((3, 0)), "at least 1 column"),
        (np.array([[1.0, np.nan]]), "finite"),
        (np.array([[np.inf, 1.0]]), "finite"),
        (np.array([[1.0, -np.inf]]), "finite"),
        (np.array([[1.0, -2 * LARGEST_FEATURE]]), "finite values within ±1e\\+48"),
        (torch.tensor([[np.nan]]), "finite"),
        (np.array([[1j]]), "real numbers, got an array of complex128"),
        (np.array([["a"]]), "real numbers"),
    ],
)
def test_bad_input_is_one_line_that_names_the_array_and_the_rule(
    values: np.ndarray | torch.Tensor, rule: str
) -> None:
    with pytest.raises(UserError, match=f"^the array: expected .*{rule}") as error:
        as_matrix(values, "the array")
    assert "\n" not in str(error.value)


def test_too_few_samples() -> None:
    with pytest.raises(UserError, match=r"^x: expected at least 3 samples, got 2$"):
        as_matrix(np.zeros((2, 5)), "x", at_least=3)
