"""How much files take, and how people write such amounts."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def extent(path: Path) -> tuple[int, int]:
    """How many files there are in a folder and below, and their bytes; a file is one.

    A link to a file counts as that file; links to folders aren't followed.
    """
    files = [path] if path.is_file() else []
    files += [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
    sizes = []
    for file in files:
        with contextlib.suppress(OSError):  # removed meanwhile, or a link to nothing
            sizes.append(file.stat().st_size)
    return len(sizes), sum(sizes)


def readable(amount: float) -> str:
    """An amount of bytes, e.g. ``1.5 GiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
