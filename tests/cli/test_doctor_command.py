"""``scorebench doctor``, in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Python

SUBJECTS = ["machine", "devices", "packages", "extras", "cache", "weights", "plugins"]


@pytest.fixture
def doctor(tmp_path: Path, python: Python) -> Python:
    """Run it where nothing beyond the machine can be reached."""
    nowhere = "http://127.0.0.1:9"
    elsewhere = {
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        "HF_HOME": str(tmp_path / "hf"),
        "SCOREBENCH_CACHE": str(tmp_path / "cache"),
    }

    def call(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        done = python("-m", "scorebench", "doctor", *arguments, **{**elsewhere, **options})
        assert "Traceback" not in done.stderr
        return done

    return call


def named(told: dict[str, list[dict[str, Any]]], subject: str) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in told[subject]}


def test_a_sound_machine_ends_well_and_nothing_is_left_behind(
    doctor: Python, tmp_path: Path
) -> None:
    done = doctor()
    assert done.stderr == ""
    headings = [line for line in done.stdout.splitlines() if not line.startswith("  ")]
    assert headings == SUBJECTS
    assert "missing: inception-2015-12-05.pt: downloaded to" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_json_tells_the_same(doctor: Python, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = doctor("--json", code=1, SCOREBENCH_CACHE="file")
    told = json.loads(done.stdout)
    assert list(told) == SUBJECTS
    assert named(told, "machine")["processor"]["cores"] >= 1
    assert named(told, "cache")["cache"]["state"] == "broken"
    assert named(told, "cache")["cache"]["path"] == str(tmp_path / "file")
    assert named(told, "weights")["feature_extractor inception"]["state"] == "missing"


def test_all_that_is_broken_is_told_and_gives_exit_code_1(
    doctor: Python, tmp_path: Path, write_plugin: Callable[..., Path]
) -> None:
    broken = write_plugin("print('hello')\nraise OSError('no\x1b[2J licence')", "broken.py")
    (tmp_path / "file").write_text("")
    variables = {"SCOREBENCH_CACHE": "file", "SCOREBENCH_PLUGINS": "gone.py"}
    done = doctor("--plugins", "broken.py", code=1, **variables)
    assert done.stderr == "hello\nbroken: 3, see above\n"
    lines = [line for line in done.stdout.splitlines() if "broken: " in line]
    assert len(lines) == 3
    assert "can't be written: Not a directory" in lines[0]
    assert "gone.py is not a Python file" in lines[1]
    assert lines[2].split() == [broken.name, "broken:", "OSError:", r"no\x1b[2J", "licence"]


def test_a_torch_that_cannot_be_imported_is_told(doctor: Python, tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "torch.py").write_text("raise OSError('libcudart.so: no such file')")
    done = doctor(code=1, PYTHONPATH=str(tmp_path / "damaged"))
    assert "devices  broken: OSError: libcudart.so: no such file" in done.stdout
    assert "shipped (scorebench: scorebench_plugins)" in done.stdout


def test_a_plugin_path_that_is_none_is_the_users_mistake(doctor: Python) -> None:
    done = doctor("--plugins", "gone.py", code=2)
    assert done.stdout == ""
    assert done.stderr.startswith("error: plugin gone.py is not a Python file")
