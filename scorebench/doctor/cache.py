"""The cache: where it is, what it takes, whether it can be written."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scorebench.doctor.disk import extent, readable
from scorebench.doctor.finding import Finding
from scorebench.running.cache import default_folder

TRIED = b"\0" * 4096  # one block: on a full disk a file can be made, but not filled


def cache() -> Iterator[Finding]:
    """The folder in effect and, if it can be written, the disk that it is on."""
    folder = default_folder()
    source = "SCOREBENCH_CACHE" if os.environ.get("SCOREBENCH_CACHE") else "the user's cache folder"
    files, size = extent(folder)
    facts = {"path": str(folder.absolute()), "files": files, "bytes": size}
    told = f"{folder.absolute()} ({source}), files: {files:,}, {readable(size)}"
    if problem := _problem(folder):
        yield Finding("cache", f"{told}; it can't be written: {problem}", "broken", facts)
        return
    yield Finding("cache", f"{told}; it can be written", facts=facts)
    free = shutil.disk_usage(_existing(folder)).free
    yield Finding("disk", f"free: {readable(free)}", facts={"free": free})


def _problem(folder: Path) -> str | None:
    """Why nothing can be written to a folder, or to where it would be made; leaves nothing."""
    try:
        with tempfile.TemporaryFile(dir=_existing(folder), buffering=0) as file:
            file.write(TRIED)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _existing(folder: Path) -> Path:
    """The folder, or the nearest around it that exists."""
    absolute = folder.absolute()
    return next(path for path in (absolute, *absolute.parents) if os.path.lexists(path))
