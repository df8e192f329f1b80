"""The example of a package by somebody else: it installs, is found, keeps the laws and runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Python

EXAMPLE = Path(__file__).parent.parent / "examples" / "scorebench-myula"
INSTALL = ("pip", "install", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package installed in ``site`` from a copy of it in ``source``."""
    folder = tmp_path_factory.mktemp("example")
    built = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(EXAMPLE, folder / "source", ignore=built)
    command = [sys.executable, "-m", *INSTALL, "--target", str(folder / "site"), "./source"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def call(folder: Path, python: Python) -> Callable[..., str]:
    """Run a module where the package is installed and give its output."""
    site = str(folder / "site")

    def call(*words: str) -> str:
        # -P: nothing is imported from the current folder.
        return python("-P", "-m", *words, cwd=folder, PYTHONPATH=site).stdout

    return call


def test_it_is_listed_with_its_origin(call: Callable[..., str]) -> None:
    (line,) = [
        line for line in call("scorebench", "list", "sampler").splitlines() if "yula" in line
    ]
    assert line.endswith("[myula (scorebench-myula: scorebench_myula)]")


def test_it_keeps_the_laws_of_a_sampler(call: Callable[..., str]) -> None:
    output = call("scorebench", "check", "sampler", "myula")
    assert output.count("✓ exact moments") == 2  # where the prior doesn't act
    assert " 0 failed, " in output


def test_its_own_tests_pass(call: Callable[..., str]) -> None:
    output = call("pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "source")
    assert "passed" in output


def test_its_suite_runs(call: Callable[..., str]) -> None:
    output = call("scorebench", "run", "source/myula.yaml")
    assert "4 of 4 cells in results/myula" in output
