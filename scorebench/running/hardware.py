"""The machine a process runs on: processor, memory, and the driver of its GPUs; without torch."""

from __future__ import annotations

import math
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from scorebench.running import cgroup

ROOT = Path("/")
PATIENCE = 10  # seconds


@dataclass(frozen=True)
class Memory:
    """The memory that this process may use, in bytes; None where it isn't known.

    Attributes:
        total: that of the machine or, if that is less, of the control group.
        available: how much of it can be had without swapping.
    """

    total: int | None
    available: int | None


def cpu_model() -> str:
    """The processor as its maker calls it, else its architecture, e.g. ``x86_64``."""
    named = re.search(r"^model name\s*:\s*(\S.*?)\s*$", _text("proc/cpuinfo"), re.M)
    if named:
        return named[1]
    if sys.platform == "darwin" and (told := _told("sysctl", "-n", "machdep.cpu.brand_string")):
        return told
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """How many processors can work for this process at once: by affinity and control group."""
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    limit = cgroup.cpu_limit()
    return allowed if limit is None else min(allowed, max(math.ceil(limit), 1))


def memory() -> Memory:
    """The memory that this process may use."""
    told = {
        name: int(kib) * 1024
        for name, kib in re.findall(r"^(\w+):\s+(\d+) kB$", _text("proc/meminfo"), re.M)
    }
    total = told.get("MemTotal")
    if total is None and sys.platform == "darwin":
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Memory(
        _least(total, cgroup.memory_limit()),
        _least(told.get("MemAvailable"), cgroup.memory_left()),
    )


def nvidia_driver() -> str | None:
    """The version of NVIDIA's driver, e.g. ``"570.86.15"``; None where it isn't known."""
    # "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build"
    told = _text("proc/driver/nvidia/version").partition("\n")[0] or _told(
        "nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"
    )
    found = re.search(r"(?<!\S)\d+(\.\d+)+(?!\S)", told)
    return found[0] if found else None


def _least(*amounts: int | None) -> int | None:
    return min((amount for amount in amounts if amount is not None), default=None)


def _text(path: str) -> str:
    try:
        return (ROOT / path).read_text(errors="replace")
    except OSError:
        return ""


def _told(*command: str) -> str:
    """What a command prints; nothing where it isn't installed, fails or takes too long."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=PATIENCE
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace").strip()
