from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import scorebench
from scorebench import UserError
from scorebench.running.fingerprint import describe
from scorebench.suite.load import load_suite
from scorebench_plugins.noise_schedules.explicit import Explicit


@pytest.mark.parametrize("given", [[3.0, 1.0, 0.1], [2], [0.0]])
def test_levels_are_those_given(given: list[float]) -> None:
    levels = scorebench.build("noise_schedule", "explicit", sigmas=given).sigmas(
        scorebench.Context()
    )
    assert levels.dtype == torch.float64
    assert levels.tolist() == given


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([1.0, 2.0], "must strictly decrease, but 2.0 follows 1.0"),
        ([1.0, 1.0], "must strictly decrease, but 1.0 follows 1.0"),
        ([1.0, 0.0], "only a single level may be 0"),
        ([1.0, -1.0], "expected list of"),
        ([float("inf")], "expected list of"),
        ([float("nan")], "expected list of"),
        ([], "expected list of"),
        (1.0, "expected list of"),
    ],
)
def test_what_is_no_list_of_levels_is_refused(given: Any, told: str) -> None:
    with pytest.raises(UserError, match=told):
        scorebench.build("noise_schedule", "explicit", sigmas=given)


def test_levels_have_to_be_given() -> None:
    with pytest.raises(UserError, match="parameter sigmas is required"):
        scorebench.build("noise_schedule", "explicit")


def test_the_fingerprint_holds_the_levels() -> None:
    assert describe(Explicit(sigmas_=[2.0, 1.0]))["parameters"] == {"sigmas_": [2.0, 1.0]}


def test_a_list_of_lists_is_an_axis(
    small_suite: dict[str, Any], write_suite: Callable[[dict[str, Any]], Path]
) -> None:
    block = small_suite["sweep"][0]
    block["schedule"] = {"name": "explicit", "sigmas": [[5, 1, 0.1], [2, 1]]}
    block["sampler"] = "euler"
    points = load_suite(write_suite(small_suite)).points
    assert [p.columns()["schedule.sigmas"] for p in points] == [[5, 1, 0.1], [2, 1]]
