"""``scorebench train``, as a user meets it: killed, interrupted, resumed, told what is wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from safetensors.torch import load_file

from scorebench.cli import main

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def train(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Call:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        command = ["scorebench", "train", *arguments, "--device", "cpu"]
        monkeypatch.setattr(sys, "argv", command)
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return (code, *capsys.readouterr())

    return call


def listen_to_interrupts() -> None:
    """Where tests run in the background, processes inherit that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_killed_and_an_interrupted_training_go_on_as_if_nothing_had_been(
    tmp_path: Path, small_training: Any, write_suite: Any, environment: dict[str, str]
) -> None:
    small_training |= {"steps": 500, "checkpoint_every": 20}
    write_suite(small_training, "c.yaml")
    command = [sys.executable, "-m", "scorebench", "train", "c.yaml", "--device", "cpu"]

    def start(folder: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, "--checkpoint", folder],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=listen_to_interrupts,
        )

    state, undisturbed = tmp_path / "parts" / "state.safetensors", start("whole")
    for stop in (signal.SIGKILL, signal.SIGINT):
        before = state.stat().st_mtime_ns if state.exists() else 0
        process, give_up = start("parts"), time.monotonic() + 300
        while time.monotonic() < give_up:
            if state.exists() and state.stat().st_mtime_ns > before:
                break
            time.sleep(0.002)
        process.send_signal(stop)
        output, errors = process.communicate(timeout=300)
        if stop == signal.SIGINT:
            assert process.returncode == 130
            assert errors == "interrupted; the same command goes on from here\n"
            assert "steps, " in output
            assert "of them done, on cpu" in output
        else:
            assert process.returncode == -signal.SIGKILL
        assert state.exists()
    last = start("parts")
    for process in (last, undisturbed):
        output, errors = process.communicate(timeout=300)
        assert (process.returncode, errors) == (0, "")
    whole, parts = (tmp_path / name for name in ("whole", "parts"))
    a, b = (load_file(folder / "model.safetensors") for folder in (whole, parts))
    assert a.keys() == b.keys()
    assert all(a[name].equal(b[name]) for name in a)
    one, other = (pd.read_parquet(folder / "training.parquet") for folder in (whole, parts))
    pd.testing.assert_frame_equal(one, other)
    assert not one.duplicated(["step", "sigma"]).any()
    assert set(one["step"]) == set(range(1, 501))
    left = [p.name for p in parts.iterdir() if not p.name.startswith(".")]
    assert sorted(left) == sorted(p.name for p in whole.iterdir())


def test_what_is_trained_is_told_before_and_after(
    train: Call, small_training: Any, write_suite: Any
) -> None:
    write_suite(small_training, "c.yaml")
    code, output, errors = train("c.yaml")
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert lines[0] == "small: 20 steps, from the start, on cpu"
    assert lines[-1] == (
        "checkpoint in checkpoints/small; "
        "use it in a suite: {name: ncsn, checkpoint: checkpoints/small}"
    )
    before = (Path("checkpoints/small/model.safetensors")).stat().st_mtime_ns
    code, output, _ = train("c.yaml")
    assert output.splitlines()[0] == "small: 20 steps, 20 of them done, on cpu"
    assert Path("checkpoints/small/model.safetensors").stat().st_mtime_ns == before
    code, output, _ = train("c.yaml", "--restart")
    assert output.splitlines()[0] == "small: 20 steps, from the start, on cpu"
    assert Path("checkpoints/small/model.safetensors").stat().st_mtime_ns > before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.yaml"], "none.yaml: no such file"),
        (["c.yaml", "--set", "objective=ncns"], "did you mean ncsn?"),
        (["c.yaml", "--set", "steps"], "--set steps: expected path=value"),
        (["c.yaml", "--set", "steps.a=1"], "steps is not a mapping"),
        (["c.yaml", "--plugins", "gone.py"], "gone.py"),
        (["c.yaml", "--checkpoint", "c.yaml"], "c.yaml can't be written: "),
        (["c.yaml", "--checkpoint", "c.yaml", "--restart"], "c.yaml can't be written: "),
        (["c.yaml", "--set", "network=unet"], "network: unet: needs images"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    train: Call, small_training: Any, write_suite: Any, arguments: list[str], told: str
) -> None:
    write_suite(small_training, "c.yaml")
    code, _, errors = train(*arguments)
    assert code == 2
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert told in errors


def test_another_config_in_the_folder_is_refused(
    train: Call, small_training: Any, write_suite: Any
) -> None:
    write_suite(small_training, "c.yaml")
    train("c.yaml")
    code, _, errors = train("c.yaml", "--set", "steps=10")
    assert code == 2
    assert errors.startswith("error: checkpoints/small holds another training")
    assert errors.count("\n") == 1


def test_divergence_is_one_line_and_exit_code_1(
    train: Call, small_training: Any, write_suite: Any
) -> None:
    write_suite(small_training, "c.yaml")
    code, _, errors = train("c.yaml", "--set", "optimiser.learning_rate=1e9")
    assert code == 1
    assert errors.startswith("error: c.yaml: the loss is not finite at step ")
    assert errors.count("\n") == 1


def test_help_names_the_options(train: Call) -> None:
    code, output, _ = train("--help")
    assert code == 0
    for word in ("CONFIG", "--set", "--plugins", "--checkpoint", "--restart"):
        assert word in output


def test_names_may_be_of_any_script(train: Call, small_training: Any, write_suite: Any) -> None:
    write_suite(small_training, "ünï ☃.yaml")
    code, output, _ = train("ünï ☃.yaml", "--checkpoint", "σ/☃ x", "--set", "steps=1")
    assert code == 0
    assert sorted(os.listdir("σ/☃ x")) == [
        *("config.yaml", "model.safetensors", "samples.png", "training.parquet")
    ]
    assert "checkpoint in σ/☃ x" in output


def test_without_a_terminal_progress_is_told_in_lines(
    train: Call, small_training: Any, write_suite: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_suite(small_training, "c.yaml")
    monkeypatch.setattr(sys.modules["scorebench.cli.train"], "SAY", 0.0)
    monkeypatch.setattr("scorebench.train.training.TELL", 0.0)
    code, output, _ = train("c.yaml")
    assert code == 0
    assert re.search(r"^[12]?\d of 20 steps, loss [\d.e-]+$", output, re.M)
