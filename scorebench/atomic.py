"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

HALF_WRITTEN = ".*.part"  # a pattern for the names of files that are being written


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash at any time, sees all of it or none.

    Raises:
        OSError: it can't be written; ``filename`` is ``path``.
    """
    try:
        _write(path, content)
    except OSError as error:
        told = error.strerror or str(error)  # of the file, not of what is half-written
        raise OSError(error.errno, told, str(path)) from error


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
