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
from safetensors.numpy import load_file, save

from scorebench.atomic import write_atomically

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
            arrays = {k: np.ascontiguousarray(v) for k, v in compute().items()}
        with contextlib.suppress(OSError):
            write_atomically(path, save(arrays))
        return arrays


def default_folder() -> Path:
    """``SCOREBENCH_CACHE``, else the user's cache directory."""
    return Path(os.environ.get("SCOREBENCH_CACHE") or platformdirs.user_cache_dir("scorebench"))
