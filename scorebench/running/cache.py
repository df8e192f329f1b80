"""An on-disk cache of named arrays, keyed by what they were computed from."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from scorebench.atomic import replacing

Arrays = Mapping[str, np.ndarray[Any, Any]]


def digest(value: Any) -> str:
    """A stable digest of a value made of JSON types, 32 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class ArrayCache:
    """Arrays by key: in this process's memory and in safetensors files under ``folder``.

    A file that can't be read is computed again; a folder that can't be written costs speed only.
    """

    folder: Path

    @cached_property
    def _memory(self) -> dict[str, Arrays]:
        return {}

    def get(self, key: Any, compute: Callable[[], Arrays]) -> Arrays:
        """As ``load``, and kept in memory."""
        name = digest(key)
        if name not in self._memory:
            self._memory[name] = self.load(key, compute)
        return self._memory[name]

    def has(self, key: Any) -> bool:
        """Whether there is a file of these arrays."""
        return self._path(key).exists()

    def _path(self, key: Any) -> Path:
        return self.folder / f"{digest(key)}.safetensors"

    def load(self, key: Any, compute: Callable[[], Arrays]) -> Arrays:
        """The arrays stored under ``key`` (any JSON value), computed if there are none."""
        path = self._path(key)
        try:
            return load_file(path)
        except (OSError, SafetensorError):
            # In memory as they would be read: the order of sums hangs on it.
            arrays = {name: np.ascontiguousarray(array) for name, array in compute().items()}
        with contextlib.suppress(OSError):
            write_arrays(path, arrays)
        return arrays


def write_arrays(path: Path, arrays: Arrays, told: dict[str, str] | None = None) -> None:
    """Write a safetensors file, and never hold its content besides the arrays.

    Args:
        path: of the file, which a reader sees all of or nothing.
        arrays: by name.
        told: metadata.

    Raises:
        OSError: it can't be written.
    """
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with replacing(path) as part:
        try:
            save_file(contiguous, part, told)
        except SafetensorError as error:
            raise OSError(str(error)) from error


def default_folder() -> Path:
    """``SCOREBENCH_CACHE``, else the user's cache directory."""
    return Path(os.environ.get("SCOREBENCH_CACHE") or platformdirs.user_cache_dir("scorebench"))
