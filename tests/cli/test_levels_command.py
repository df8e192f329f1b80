"""``scorebench levels``, as a user meets it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import scorebench
from scorebench.cli import main
from scorebench.levels import overlap, step_size_for
from scorebench.suite.load import load_suite

Levels = Callable[..., tuple[int, str, str]]

POINTS = """
from dataclasses import dataclass
import torch
import scorebench

@dataclass(frozen=True, kw_only=True)
class Points(scorebench.Dataset):
    x: list[list[float]]
    def load(self, context):
        return scorebench.Data(torch.tensor(self.x))

@scorebench.hookimpl
def scorebench_datasets():
    yield scorebench.Component("points", Points)
"""


@pytest.fixture
def levels(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], write_plugin: Any
) -> Levels:
    plugin = write_plugin(POINTS)

    def call(*arguments: str) -> tuple[int, str, str]:
        command = ["scorebench", "levels", *arguments, "--plugins", str(plugin)]
        monkeypatch.setattr(sys, "argv", command)
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return (code, *capsys.readouterr())

    return call


def recommended(output: str) -> dict[str, Any]:
    """The lines to paste, read as a suite is."""
    found: dict[str, Any] = yaml.safe_load("\n".join(output.splitlines()[-2:]))
    return found


def test_the_three_conditions_are_told_with_numbers(levels: Levels) -> None:
    code, output, errors = levels("digits")
    assert (code, errors) == (0, "")
    assert "1,797 samples of 64 dimensions, 0 to 255 scaled to [-1, 1]" in output
    schedule, sampler = recommended(output)["schedule"], recommended(output)["sampler"]
    for condition in ("reaches every mode", "doesn't blur the data", "levels overlap"):
        assert condition in output
    own = scorebench.build(
        "noise_schedule", "ncsnv2", dataset="digits", sigma_min=schedule["sigma_min"]
    ).sigmas(scorebench.Context())
    assert schedule["n"] == len(own)
    assert schedule["sigma_max"] == pytest.approx(float(own[0]), rel=1e-3)
    ratio = float(own[0] / own[1])
    assert overlap(ratio, 64) >= 0.5
    step_size = step_size_for(ratio, schedule["sigma_min"], 5)
    assert float(sampler["step_size"]) == pytest.approx(step_size, rel=2e-3)
    assert sampler["convention"] == "full"


def test_the_lines_can_be_pasted_into_a_suite(
    levels: Levels,
    small_suite: dict[str, Any],
    write_suite: Callable[[dict[str, Any]], Path],
) -> None:
    small_suite["sweep"][0] |= recommended(levels("digits", "--sigma-min", "0.001")[1])
    suite = load_suite(write_suite(small_suite))
    (point,) = suite.points
    assert point.schedule.component.sigma_min == 0.001
    assert point.sampler.component.convention == "full"


def test_options_are_heeded(levels: Levels) -> None:
    plain = recommended(levels("digits")[1])
    code, output, _ = levels(
        *("digits", "--set", "split=train", "--sigma-min", "0.01", "--overlap", "0.9"),
        *("--steps-per-level", "20", "--value-range", "0", "1"),
    )
    changed = recommended(output)
    assert code == 0
    assert "1,438 samples" in output
    assert "blur" not in output  # a level that is given needs no reason
    assert changed["schedule"]["sigma_min"] == 0.01
    assert changed["schedule"]["sigma_max"] == pytest.approx(
        plain["schedule"]["sigma_max"] / 2, rel=0.05
    )
    assert changed["schedule"]["n"] > plain["schedule"]["n"]
    assert changed["sampler"]["steps_per_level"] == 20


def test_duplicates_do_not_ask_for_a_level_of_zero(levels: Levels) -> None:
    code, output, _ = levels("points", "--set", "x=[[0, 0], [0, 0], [0, 0], [3, 4]]")
    assert code == 0
    schedule = recommended(output)["schedule"]
    assert schedule["sigma_max"] == 5
    assert schedule["sigma_min"] == pytest.approx(0.5 / 2**0.5, rel=1e-3)


def test_few_dimensions_get_a_ratio_that_is_advisable(levels: Levels) -> None:
    output = levels("points", "--set", "x=[[0, 0], [3, 4]]", "--sigma-min", "0.01")[1]
    schedule = recommended(output)["schedule"]
    assert "In 2 dimensions" in output
    assert re.search(r"a ratio of 1\.99\d* between", output)
    assert schedule == {"name": "geometric", "n": 10, "sigma_max": 5.0, "sigma_min": 0.01}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["digitz"], "unknown dataset 'digitz'; did you mean digits?"),
        (["digits", "--set", "split"], "--set split: expected path=value"),
        (["digits", "--set", "split=none"], "split: expected all or train or test"),
        (["digits", "--sigma-min", "0"], "--sigma-min 0: must be above 0"),
        (["digits", "--sigma-min", "nan"], "--sigma-min nan: must be above 0"),
        (["digits", "--sigma-min", "99"], "sigma_min (99.0) must be below the largest distance"),
        (["digits", "--overlap", "1"], "at most 0.99"),
        (["digits", "--value-range", "1", "-1"], "the lower bound must be below the upper"),
        (["points", "--set", "x=[[1, 2], [1, 2]]"], "all samples are equal"),
    ],
)
def test_a_users_mistake_is_one_line(levels: Levels, arguments: list[str], told: str) -> None:
    code, _, errors = levels(*arguments)
    assert code == 2
    assert told in errors
    assert errors.startswith("error: ")
    assert len(errors.splitlines()) == 1
