"""What a number was computed with: versions, machine, device, revision."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from scorebench.errors import UserError
from scorebench.running import hardware

PACKAGES = ("scorebench", "torch", "torchvision", "numpy", "scipy", "pandas", "scikit-learn")

GIT_PATIENCE = 30  # seconds
# What git tells its hooks of the repository that they run for, which may be another than ours.
GIT_HOOKS = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"}
)


def environment(device: torch.device) -> dict[str, Any]:
    """Versions, machine and device, as JSON; ``cuda`` is None on other devices."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "cpu": hardware.cpu_model(),
        "device": device_name(device),
        "cuda": _cuda(device) if device.type == "cuda" else None,
        "threads": torch.get_num_threads(),
    }


def revision(folder: Path) -> dict[str, Any] | None:
    """The commit of the repository that a folder is in, and whether files differ from it.

    Returns:
        ``revision``, 40 or 64 hexadecimal digits, None before the first commit; ``dirty``, whether
        any file of the repository is changed, or neither committed nor ignored. None where there
        is no repository, or git isn't installed, doesn't trust it or takes too long.
    """
    kept = {name: value for name, value in os.environ.items() if name not in GIT_HOOKS}
    command = ["status", "--porcelain=v2", "--branch", "--untracked-files=normal"]
    try:
        told = subprocess.run(
            ["git", "-C", str(folder), *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=GIT_PATIENCE,
            env={**kept, "GIT_OPTIONAL_LOCKS": "0"},
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return None
    commits = [line.split()[-1].decode() for line in told if line.startswith(b"# branch.oid ")]
    return {
        "revision": next((commit for commit in commits if commit != "(initial)"), None),
        "dirty": any(not line.startswith(b"#") for line in told),
    }


def choose_device(wanted: str) -> torch.device:
    """The device for ``auto``, or the named one.

    Raises:
        UserError: no such device is available here.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        if device.type not in ("cpu", "cuda", "mps"):
            raise RuntimeError
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError):
        raise UserError(f"device {wanted!r} is not available here; try auto or cpu") from None
    return device


def device_name(device: torch.device) -> str:
    """A device as people call it, e.g. ``cuda (NVIDIA H100)``."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({platform.processor() or platform.machine()})"


def peak_memory_mb(device: torch.device) -> float | None:
    """Peak memory in MB: of the device since the cell began, on a CPU of the process so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cuda(device: torch.device) -> dict[str, Any]:
    """Versions of what torch runs on, and the device's memory in MB."""
    return {
        "version": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "driver": hardware.nvidia_driver(),
        "memory_mb": torch.cuda.get_device_properties(device).total_memory // 2**20,
    }
