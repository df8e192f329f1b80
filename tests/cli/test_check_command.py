from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scorebench.cli import main

PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
import scorebench

@dataclass(frozen=True, kw_only=True)
class Halving(scorebench.NoiseSchedule):
    examples: ClassVar = ({"n": 3}, {"n": 5, "excess": 1})
    n: int
    excess: int = 0
    dataset: scorebench.DatasetSpec | None = None

    def sigmas(self, context):
        import torch

        assert context.dtype in (torch.float64, torch.float32, torch.float16)
        return 0.5 ** torch.arange(self.n + self.excess, dtype=torch.float64)

@dataclass(frozen=True, kw_only=True)
class Fitted(scorebench.NoiseSchedule):
    def sigmas(self, context):
        import torch

        return torch.tensor([float(len(context.dataset()))], dtype=torch.float64)

@dataclass(frozen=True, kw_only=True)
class Files(Halving):
    examples: ClassVar = ()

@scorebench.hookimpl
def scorebench_noise_schedules():
    yield scorebench.Component("halving", Halving)
    yield scorebench.Component("fitted", Fitted)
    yield scorebench.Component("files", Files)
"""

Check = Callable[..., tuple[int, str, str]]


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    """``scorebench check …`` with the plugin above: exit code, stdout and stderr."""
    (tmp_path / "mine.py").write_text(PLUGIN)

    def call(*arguments: str) -> tuple[int, str, str]:
        words = ["scorebench", "check", *arguments, "--plugins", str(tmp_path / "mine.py")]
        monkeypatch.setattr(sys, "argv", words)
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), *capsys.readouterr()
        raise AssertionError("main always exits")

    return call


def test_a_component_that_keeps_the_laws_ends_well(check: Check) -> None:
    code, out, err = check("noise_schedules", "geometric", "--set", "n=4")
    assert (code, err) == (0, "")
    heading, first, *_, summary = out.splitlines()
    assert heading == "geometric n=4"
    assert first == "  ✓ valid levels: 4 in all, decreasing strictly from 1 to 0.01"
    assert summary == "4 passed, 0 failed, 0 not asserted"


def test_every_example_is_tried_and_one_failure_gives_exit_code_1(check: Check) -> None:
    code, out, _ = check("noise_schedule", "halving")
    lines = out.splitlines()
    assert code == 1
    assert [line for line in lines if not line.startswith("  ")] == [
        "halving n=3",
        "halving n=5 excess=1",
        "7 passed, 1 failed, 0 not asserted",
    ]
    assert [line for line in lines if "✗" in line] == [
        "  ✗ declared length: levels found: 6, for n = 5"
    ]


def test_settings_are_merged_into_the_first_example(check: Check) -> None:
    code, out, _ = check("noise_schedule", "halving", "--set", "excess=2", "--set", "n=2")
    assert code == 1
    assert out.splitlines()[0] == "halving n=2 excess=2"
    assert "levels found: 4, for n = 2" in out
    nested = check("noise_schedule", "halving", "--set", "dataset.name=digits")
    assert nested[0] == 0
    assert nested[1].startswith("halving n=3 dataset={'name': 'digits'}\n")


def test_what_was_not_asserted_is_marked_as_such(check: Check) -> None:
    code, out, _ = check("noise_schedule", "constant", "--set", "sigma=0.5")
    assert code == 0
    assert "  · declared length: " in out
    assert out.endswith("3 passed, 0 failed, 1 not asserted\n")


def test_a_dataset_can_be_given_to_what_is_fitted_to_one(check: Check) -> None:
    code, out, _ = check("noise_schedule", "fitted")
    assert code == 1
    assert "✗ valid levels: no dataset is given" in out
    assert check("noise_schedule", "fitted", "--dataset", "digits")[0] == 0


def test_precision_is_that_of_the_context(check: Check) -> None:
    assert check("noise_schedule", "halving", "--set", "n=2", "--dtype", "float16")[0] == 0
    code, out, _ = check("noise_schedule", "halving", "--set", "n=2", "--dtype", "bfloat16")
    assert code == 1
    assert "✗ valid levels: raised AssertionError (mine.py, line " in out


def test_a_terminal_of_ascii_shows_other_marks(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert check("noise_schedule", "halving")[0] == 1
    stream.seek(0)
    marks = [line[2] for line in stream.read().splitlines() if line.startswith("  ")]
    assert sorted(marks) == ["+"] * 7 + ["x"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["noise_schedule", "halvin"], "unknown noise schedule 'halvin'; did you mean halving?"),
        (["schedule", "halving"], "unknown kind 'schedule'"),
        (["noise_schedule", "files"], "files needs parameters to be tried with, e.g. --set path="),
        (["noise_schedule", "halving", "--set", "m=3"], "m: unknown parameter"),
        (["noise_schedule", "halving", "--set", "n=few"], "n: expected int, got 'few'"),
        (["noise_schedule", "halving", "--set", "n"], "--set n: expected path=value"),
        (["noise_schedule", "halving", "--dtype", "int8"], "not a floating-point dtype"),
        (["noise_schedule", "halving", "--device", "cuda:77"], "'cuda:77' is not available here"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(
    check: Check, arguments: list[str], told: str
) -> None:
    code, out, err = check(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert told in err
    assert len(err.splitlines()) == 1


def test_files_can_be_named_where_there_is_no_example(check: Check) -> None:
    assert check("noise_schedule", "files", "--set", "n=2")[0] == 0
