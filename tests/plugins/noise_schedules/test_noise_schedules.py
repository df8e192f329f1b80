from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import scorebench
from scorebench import UserError
from scorebench.running.sampling import check_sigmas

CONTEXT = scorebench.Context()
LADDERS = ["geometric", "karras", "linear", "log_snr", "time_uniform"]


def sigmas(name: str, **parameters: float) -> torch.Tensor:
    return scorebench.build("noise_schedule", name, **parameters).sigmas(CONTEXT)


@given(
    name=st.sampled_from(LADDERS),
    n=st.integers(2, 300),
    low=st.floats(1e-4, 1),
    ratio=st.floats(1.01, 1e5),
)
def test_ladders_go_down_from_sigma_max_to_sigma_min(
    name: str, n: int, low: float, ratio: float
) -> None:
    levels = sigmas(name, n=n, sigma_max=low * ratio, sigma_min=low)
    check_sigmas(levels)
    assert levels.dtype == torch.float64
    assert len(levels) == n
    assert float(levels[0]) == pytest.approx(low * ratio, rel=1e-9)
    assert float(levels[-1]) == pytest.approx(low, rel=1e-9)


def test_geometric_levels_have_a_constant_ratio() -> None:
    levels = sigmas("geometric", n=10, sigma_max=1, sigma_min=0.01)
    ratios = levels[1:] / levels[:-1]
    torch.testing.assert_close(ratios, torch.full_like(ratios, 0.01 ** (1 / 9)))


def test_karras_levels_are_those_of_the_paper() -> None:
    levels = sigmas("karras")
    expected = [
        (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7 for i in range(18)
    ]
    torch.testing.assert_close(levels, torch.tensor(expected, dtype=torch.float64))


def test_karras_with_rho_one_is_linear() -> None:
    levels = sigmas("karras", n=5, sigma_max=5, sigma_min=1, rho=1)
    torch.testing.assert_close(levels, torch.tensor([5.0, 4, 3, 2, 1], dtype=torch.float64))


def test_linear_levels_are_karras_with_rho_one() -> None:
    torch.testing.assert_close(
        sigmas("linear", n=7, sigma_max=9, sigma_min=0.5),
        sigmas("karras", n=7, sigma_max=9, sigma_min=0.5, rho=1),
    )


def test_log_snr_levels_have_equal_steps_of_log_snr() -> None:
    levels = sigmas("log_snr")
    steps = (-2 * levels.log()).diff()
    assert len(levels) == 18
    torch.testing.assert_close(steps, torch.full_like(steps, 2 * math.log(80 / 0.002) / 17))


@pytest.mark.parametrize("name", LADDERS)
def test_two_levels_are_the_ends_over_extreme_ranges(name: str) -> None:
    levels = sigmas(name, n=2, sigma_max=1e6, sigma_min=1e-9)
    check_sigmas(levels)
    assert levels.tolist() == pytest.approx([1e6, 1e-9], rel=1e-6)


@pytest.mark.parametrize("name", LADDERS)
def test_one_level_is_the_largest(name: str) -> None:
    levels = sigmas(name, n=1, sigma_max=3, sigma_min=5)
    assert levels.tolist() == pytest.approx([3])


@pytest.mark.parametrize("name", LADDERS)
@pytest.mark.parametrize(
    "bad",
    [{"n": 0}, {"n": 2.5}, {"sigma_min": 0}, {"sigma_max": -1}, {"sigma_max": math.nan}],
)
def test_bounds_are_kept(name: str, bad: dict[str, float]) -> None:
    with pytest.raises(UserError, match="expected"):
        sigmas(name, **bad)


@pytest.mark.parametrize("name", LADDERS)
def test_the_ends_must_be_apart_and_in_order(name: str) -> None:
    with pytest.raises(UserError, match=r"sigma_min \(2.0\) must be below sigma_max \(2.0\)"):
        sigmas(name, n=3, sigma_max=2, sigma_min=2)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_constant_is_one_level_zero_included(sigma: float) -> None:
    assert sigmas("constant", sigma=sigma).tolist() == [sigma]


def test_an_infinite_level_is_refused_before_it_is_used() -> None:
    with pytest.raises(UserError, match="must be finite"):
        check_sigmas(sigmas("constant", sigma=math.inf))
