from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from scorebench.doctor.finding import Finding
from scorebench.doctor.machine import machine
from scorebench.running import cgroup, hardware


def found() -> dict[str, Finding]:
    return {finding.name: finding for finding in machine()}


def test_this_machine() -> None:
    told = found()
    assert told["python"].text == platform.python_version()
    assert told["processor"].facts["cores"] == hardware.usable_cores()
    assert told["memory"].facts["total"] > told["memory"].facts["available"] > 0
    assert {finding.state for finding in told.values()} == {"ok"}


def test_what_a_control_group_limits_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tmp_path / "sys" / "fs" / "cgroup"
    group.mkdir(parents=True)
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/\n")
    (group / "cpu.max").write_text("100000 100000\n")
    (group / "memory.max").write_text(str(2**20))
    (group / "memory.current").write_text(str(2**19))
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    told = found()
    assert told["processor"].text.endswith("usable cores: 1 of 64, by affinity or control group")
    assert told["memory"].text == "1.0 MiB, limited by the control group, available: 512.0 KiB"
