from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from scorebench.doctor.finding import Finding
from scorebench.doctor.packages import core_packages, extras

METADATA = """Metadata-Version: 2.4
Name: scorebench
Version: 9.8
Provides-Extra: ray
Provides-Extra: diffusers
Provides-Extra: some
Requires-Dist: torch>=2.5
Requires-Dist: numpy>=1.26
Requires-Dist: pillow>=10
Requires-Dist: pywin32>=300; sys_platform == "win32"
Requires-Dist: ray[default]>=2.9; extra == "ray"
Requires-Dist: diffusers>=0.30; extra == "diffusers"
Requires-Dist: Some.Thing; python_version >= "3.8" and extra == "some"
"""
INSTALLED = {"torch": "2.14.1+cu130", "numpy": "1.9", "ray": "2.10", "diffusers": "0.30.0.dev1"}


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another installation of scorebench, with these packages."""
    for name, version in {"scorebench": "9.8", **INSTALLED}.items():
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        plain = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
        (folder / "METADATA").write_text(METADATA if name == "scorebench" else plain)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])


def test_here_all_that_is_needed_is_installed() -> None:
    told = {finding.name: finding for finding in core_packages()}
    assert {"scorebench", "torch", "numpy", "scikit-learn", "typer"} <= told.keys()
    assert {finding.state for finding in told.values()} == {"ok"}
    assert told["torch"].text.partition("+")[0] == torch.__version__.partition("+")[0]
    assert "diffusers" not in told


def test_here_extras_are_those_of_the_project() -> None:
    told = {finding.name: finding.state for finding in extras()}
    assert {"bench", "dev", "diffusers", "dinov2", "lite"} <= told.keys()
    assert (told["dev"], told["lite"]) == ("ok", "ok")


@pytest.mark.usefixtures("other")
def test_packages_that_are_missing_or_too_old_are_broken() -> None:
    assert list(core_packages()) == [
        Finding("scorebench", "9.8"),
        Finding("torch", "2.14.1+cu130"),
        Finding(
            "numpy",
            "lacks numpy>=1.26 (this is 1.9): pip install --upgrade numpy",
            "broken",
        ),
        Finding("pillow", "lacks pillow>=10: pip install --upgrade pillow", "broken"),
    ]


@pytest.mark.usefixtures("other")
def test_extras_are_optional() -> None:
    assert list(extras()) == [
        Finding("ray", "ray 2.10"),
        Finding("diffusers", "diffusers 0.30.0.dev1"),
        Finding("some", "lacks Some.Thing: pip install 'scorebench[some]'", "missing"),
    ]
