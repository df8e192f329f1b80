"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HALF_WRITTEN = ".*.part"  # a pattern for the names of files that are being written


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash at any time, sees all of it or none.

    Raises:
        OSError: it can't be written; ``filename`` is ``path``.
    """
    with replacing(path) as part:
        part.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside ``path`` to write in a block, which takes its place when that ends well.

    Raises:
        OSError: it can't be written; ``filename`` is ``path``.
    """
    try:
        with _part(path) as part:
            yield part
    except OSError as error:
        told = error.strerror or str(error)  # of the file, not of what is half-written
        raise OSError(error.errno, told, str(path)) from error


@contextmanager
def _part(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    try:
        yield (part := Path(name))
        part.chmod(0o644)
        part.replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
