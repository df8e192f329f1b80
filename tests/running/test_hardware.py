from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scorebench.running import cgroup, hardware
from tests.conftest import Python

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file of another machine, which has nothing else."""
    for module in (hardware, cgroup):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def write(name: str, content: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return write


def test_this_machine_is_known() -> None:
    assert hardware.cpu_model()
    assert 1 <= hardware.usable_cores() <= (os.cpu_count() or 1)
    found = hardware.memory()
    assert found.total is not None
    assert found.available is None or 0 < found.available < found.total


def test_it_needs_no_torch(python: Python) -> None:
    code = "import sys, scorebench.running.hardware; print('torch' in sys.modules)"
    assert python("-c", code).stdout == "False\n"


def test_the_processor_is_called_as_its_maker_does(write: Write) -> None:
    write("proc/cpuinfo", "processor\t: 0\nmodel\t\t: 17\nmodel name\t: Some CPU @ 2.60GHz \n" * 2)
    assert hardware.cpu_model() == "Some CPU @ 2.60GHz"


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac tells the model elsewhere")
def test_a_processor_without_a_name_is_called_by_its_architecture(write: Write) -> None:
    write("proc/cpuinfo", "processor\t: 0\nCPU part\t: 0xd0c\n")
    assert hardware.cpu_model() != ""
    assert "\n" not in hardware.cpu_model()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_cores_are_those_of_the_affinity(python: Python) -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from scorebench.running.hardware import usable_cores; print(usable_cores())"
    )
    assert python("-c", code).stdout == "1\n"


@pytest.mark.parametrize(("quota", "cores"), [(1, 1), (100_000, 1), (100_001, 2)])
def test_cores_are_those_of_the_control_group(write: Write, quota: int, cores: int) -> None:
    write("proc/self/cgroup", "0::/\n")
    write("sys/fs/cgroup/cpu.max", f"{quota} 100000\n")
    assert hardware.usable_cores() == min(cores, len(os.sched_getaffinity(0)))


def test_memory_is_what_machine_and_control_group_allow(write: Write) -> None:
    write("proc/meminfo", "MemTotal:    1000 kB\nMemFree:  1 kB\nMemAvailable:   600 kB\n")
    assert hardware.memory() == hardware.Memory(1000 * 1024, 600 * 1024)
    write("proc/self/cgroup", "0::/\n")
    write("sys/fs/cgroup/memory.max", str(900 * 1024))
    write("sys/fs/cgroup/memory.current", str(100 * 1024))
    assert hardware.memory() == hardware.Memory(900 * 1024, 600 * 1024)
    write("sys/fs/cgroup/memory.current", str(500 * 1024))
    assert hardware.memory() == hardware.Memory(900 * 1024, 400 * 1024)


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac tells its memory elsewhere")
def test_memory_may_be_unknown(write: Write) -> None:
    assert hardware.memory() == hardware.Memory(None, None)


@pytest.mark.parametrize(
    ("told", "version"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC\n"
            "GCC version:  gcc version 12.3.0 (Debian 12.3.0-1)\n",
            "535.104.05",
        ),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  "
            "(builder@host-12.3)  Thu Jan 16\n",
            "570.86.15",
        ),
        ("NVRM version: something else\nGCC version: 12.3.0\n", None),
    ],
)
def test_the_drivers_version_as_the_kernel_tells_it(
    write: Write, told: str, version: str | None
) -> None:
    write("proc/driver/nvidia/version", told)
    assert hardware.nvidia_driver() == version


@pytest.mark.parametrize(
    ("script", "version"),
    [
        ("echo 551.23; echo 551.23", "551.23"),
        ("echo NVIDIA-SMI has failed; exit 9", None),
        ("printf '\\377'", None),
    ],
)
def test_the_drivers_version_as_the_tool_tells_it(
    write: Write, tmp_path: Path, script: str, version: str | None
) -> None:
    assert hardware.nvidia_driver() is None
    write("bin/nvidia-smi", f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin" / "nvidia-smi").chmod(0o755)
    assert hardware.nvidia_driver() == version


def test_a_tool_that_hangs_is_left(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "PATIENCE", 0.2)
    write("bin/nvidia-smi", "#!/bin/sh\nexec /bin/sleep 1000\n")
    (tmp_path / "bin" / "nvidia-smi").chmod(0o755)
    assert hardware.nvidia_driver() is None
