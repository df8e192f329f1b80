"""Having a file that is published under an address and a digest."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import urllib.request
from http.client import HTTPException
from pathlib import Path

PATIENCE = 60  # seconds without a byte


def fetch(url: str, path: Path, sha256: str) -> None:
    """Make sure that a file is there, whole and the right one; download it if not.

    It is written to a temporary file in the same folder and renamed when its digest is right.

    Args:
        url: where it is published.
        path: where it is to be; a file of another digest is replaced.
        sha256: its digest, 64 hexadecimal digits.

    Raises:
        OSError: it can't be had, isn't the right one, or can't be written.
    """
    if is_there(path, sha256):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            try:
                with urllib.request.urlopen(url, timeout=PATIENCE) as response:
                    shutil.copyfileobj(response, file)
            except HTTPException as error:
                raise OSError(f"{type(error).__name__}: {error}") from error
        found = sha256_of(Path(temporary))
        if found != sha256:
            raise OSError(f"what came has the sha256 {found[:16]}… instead of {sha256[:16]}…")
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def is_there(path: Path, sha256: str) -> bool:
    """Whether there is a file of this digest."""
    return path.is_file() and sha256_of(path) == sha256


def sha256_of(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
