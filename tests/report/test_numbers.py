from __future__ import annotations

import math

import numpy as np
import pytest

from scorebench.report.numbers import aligned, count, estimate, parameter, rounded

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (NAN, "–"),
        (10, "10"),
        (10.0, "10"),
        (np.float64(0.1), "0.1"),
        (-0.0, "0"),
        (6.2e-06, "6.2e-6"),
        (1e-05, "1e-5"),
        (1e20, "1e20"),
        (math.inf, "inf"),
        (True, "true"),
        (np.bool_(False), "false"),
        ("heun", "heun"),
        ("[1, 2]", "[1, 2]"),
        ("采样器", "采样器"),
        ("a\nb\x1b[31m", r"a\nb\x1b[31m"),
        ("\u202eevil", r"\u202eevil"),
    ],
)
def test_parameters(value: object, text: str) -> None:
    assert parameter(value) == text


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (12.3456, 0.567, ("12.35", "0.57")),
        (1.5e200, math.inf, ("1.500e200", "")),
        (12.3456, 0.0996, ("12.35", "0.10")),
        (12.3456, 2.0, ("12.3", "2.0")),
        (1234.5, 230.0, ("1230", "230")),
        (0.3, 99.6, ("0", "100")),
        (-0.42, 0.11, ("-0.42", "0.11")),
        (3.21e-05, 1.234e-06, ("3.210e-5", "1.2e-6")),
        (1.2345e8, 5.6e6, ("1.234e8", "5.6e6")),
        (12.3456789, 1.2e-11, ("12.345679", "1.2e-11")),
        (12.3456, 0.0, ("12.35", "0")),
        (12.3456, NAN, ("12.35", "")),
        (NAN, NAN, ("–", "")),
        (math.inf, NAN, ("inf", "")),
        (-math.inf, 1.0, ("-inf", "")),
        (0.0, 0.0, ("0", "0")),
    ],
)
def test_estimates_show_two_significant_digits_of_their_error(
    mean: float, error: float, text: tuple[str, str]
) -> None:
    assert estimate(mean, error) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9.99996, "10.00"),
        (123456.7, "123457"),
        (0.012345, "0.01235"),
        (0.00012, "0.0001200"),
        (1e6, "1.000e6"),
        (9e-5, "9.000e-5"),
        (0.0, "0"),
    ],
)
def test_without_an_error_four_digits(value: float, text: str) -> None:
    assert rounded(value) == text


def test_counts() -> None:
    assert [count(n) for n in (1797, 2.5, 10.0, NAN)] == ["1,797", "2.5", "10", "–"]


def test_estimates_are_aligned_at_their_sign() -> None:
    pairs = [("12.35", "0.57"), ("8.123", "0.0045"), ("7.1", ""), ("–", "")]
    assert aligned(pairs) == [
        "12.35 ± 0.57  ",
        "8.123 ± 0.0045",
        "  7.1         ",
        "    –         ",
    ]
    assert aligned([("1", ""), ("20", "")]) == ["1", "20"]
    assert aligned([]) == []
