"""Samples kept for cells that differ only in what is measured of them, in this run or later.

Adding a metric to a suite, or comparing with another reference, then costs no evaluation of a
model. Kept are samples that took long enough, as a dataset would hold them, in the cache; of more
than fits those go first that weren't looked at for longest.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from scorebench.errors import UserError
from scorebench.running.cache import digest, write_arrays

LIMIT = "SCOREBENCH_SAMPLES_GB"  # how much may be kept; none if 0
USUAL = 2.0  # GB
SECONDS = 1.0  # samples that took less are not worth a file
SHARE = 10  # the limit over what one process writes between looks at how much there is


def kept_as(samples: str, environment: Mapping[str, Any]) -> str:
    """The name of a cell's samples: digests of what decides them, and of what computes them.

    The number of threads is kept with them instead.
    """
    computed = {name: value for name, value in environment.items() if name != "threads"}
    return f"{samples}-{digest(computed)[:8]}"


@dataclass(frozen=True)
class Kept:
    """Samples of a cell, and what is known of how they came about.

    Attributes:
        samples: ``[N, *event]``, as a dataset would hold them.
        row: ``nfe``, ``seconds_sampling`` and the like.
        statistics: what the sampler has told.
        threads: by which they were computed.
        trajectory: as in a cell's ``Result``.
    """

    samples: np.ndarray[Any, Any]
    row: Mapping[str, Any]
    statistics: Mapping[str, float]
    threads: int
    trajectory: np.ndarray[Any, Any] | None = None


class KeptSamples:
    """The samples in a folder, by names as ``kept_as`` gives them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written = 0

    @property
    def limit(self) -> float:
        """Bytes that may be kept in all.

        Raises:
            UserError: the environment variable isn't a number.
        """
        told = os.environ.get(LIMIT) or USUAL
        try:
            limit = float(told)
        except ValueError:
            limit = math.nan
        if not limit >= 0:
            raise UserError(f"{LIMIT}={told}: expected a number of gigabytes, e.g. 2")
        return limit * 1e9

    def names(self) -> set[str]:
        """The names of all that is there."""
        return {path.stem for path in self._folder.glob("*.safetensors")} if self.limit else set()

    def find(self, name: str) -> Kept | None:
        """What is kept under a name, None if nothing is, or it can't be read."""
        path = self._path(name)
        if not self.limit or not path.exists():
            return None
        try:
            with safe_open(path, "np") as file:
                told = json.loads(file.metadata()["told"])
                arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            row = {name: float(told["row"][name]) for name in ("nfe", "seconds_sampling")}
            kept = Kept(
                arrays["samples"],
                {**told["row"], **row},
                {name: float(value) for name, value in told["statistics"].items()},
                int(told["threads"]),
                arrays.get("trajectory"),
            )
        except (OSError, SafetensorError, ValueError, LookupError, TypeError, AttributeError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # looked at now
        return kept

    def is_worthwhile(self, seconds: float, size: int) -> bool:
        """Whether samples that took so long, and take so many bytes, are to be kept."""
        return seconds >= SECONDS and size <= self.limit / SHARE

    def keep(self, name: str, kept: Kept) -> None:
        """Keep samples; a folder that can't be written costs speed only."""
        arrays = {"samples": kept.samples}
        if kept.trajectory is not None:
            arrays["trajectory"] = kept.trajectory
        told = {"row": kept.row, "statistics": kept.statistics, "threads": kept.threads}
        size = sum(array.nbytes for array in arrays.values())
        with contextlib.suppress(OSError):
            if self._written == 0 or self._written > self.limit / SHARE:
                self._written = 0
                self._make_room(size)
            write_arrays(self._path(name), arrays, {"told": json.dumps(told, default=dict)})
            self._written += size

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"

    def _make_room(self, wanted: int) -> None:
        found = []
        for path in self._folder.glob("*"):  # also what a process that was killed had half-written
            with contextlib.suppress(OSError):  # another process has removed it
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        size = wanted + sum(size for _, size, _ in found)
        for _, freed, path in sorted(found):
            if size <= self.limit:
                break
            path.unlink(missing_ok=True)
            size -= freed
