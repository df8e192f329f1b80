"""Losses by step and by noise level: added up on the device, told as a table."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from scorebench.errors import DivergenceError
from scorebench.train.noise_levels import Bins

WINDOWS = 256  # kept on the device before they are fetched
MOST_ROWS = 10_000  # windows of a training; a longer one has several steps in a window
COLUMNS: Mapping[str, str] = {
    "step": "int64",
    "sigma": "float64",
    "loss": "float64",
    "samples": "int64",
}


class History:
    """The losses of a training.

    The table has a row for each step (or every so many, in a long training) and each bin of noise
    levels that had samples then: ``step`` is the number of steps done, ``sigma`` the middle of the
    bin, ``loss`` the mean of the objective per dimension, ``samples`` how many.

    Args:
        bins: ranges of σ.
        steps: of the whole training.
        table: what earlier occasions have recorded.
        first: the step to go on from.
    """

    def __init__(self, bins: Bins, steps: int, table: pd.DataFrame | None, first: int) -> None:
        self.edges, self.sigmas = bins.edges, bins.centres.double().cpu().numpy()
        self.every = -(-steps // MOST_ROWS)
        self._tables = [] if table is None else [table[table["step"] <= first]]
        self._first = self._next = first
        shape = (2, WINDOWS, len(self.sigmas))
        self._sums = torch.zeros(shape, dtype=torch.float32, device=bins.centres.device)

    def add(self, losses: Tensor, sigma: Tensor) -> None:
        """Take in a step's losses ``[B]`` at noise levels ``[B]``.

        Raises:
            DivergenceError: a loss of this or of an earlier step isn't finite.
        """
        row = (self._next - self._first) // self.every
        if row == WINDOWS:
            self.fetch()
            row = 0
        bin_of = torch.bucketize(sigma, self.edges)
        self._sums[0, row].index_add_(0, bin_of, losses.float())
        self._sums[1, row].index_add_(0, bin_of, torch.ones_like(losses, dtype=torch.float32))
        self._next += 1

    def fetch(self) -> float:
        """Bring what has been added up from the device; the mean loss since the last time.

        Raises:
            DivergenceError: a loss isn't finite; names the step.
        """
        totals, counts = self._sums.double().cpu().numpy()
        self._sums.zero_()
        first, self._first = self._first, self._next
        windows, bins = counts.nonzero()
        ends = np.minimum(first + (windows + 1) * self.every, self._next)
        losses = totals[windows, bins] / counts[windows, bins]
        if not np.isfinite(losses).all():
            step = ends[~np.isfinite(losses)].min()
            raise DivergenceError(f"the loss is not finite at step {step:,}")
        found: dict[str, Any] = {
            "step": ends,
            "sigma": self.sigmas[bins],
            "loss": losses,
            "samples": counts[windows, bins],
        }
        self._tables.append(pd.DataFrame(found).astype(COLUMNS))
        return float(totals.sum() / max(1.0, counts.sum()))

    def table(self) -> pd.DataFrame:
        """All that has been fetched."""
        return pd.concat(self._tables, ignore_index=True) if self._tables else _empty()

    def parquet(self) -> bytes:
        """The table as a Parquet file."""
        buffer = io.BytesIO()
        self.table().to_parquet(buffer, index=False)
        return buffer.getvalue()


def _empty() -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in COLUMNS}).astype(COLUMNS)
