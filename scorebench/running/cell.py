"""A cell, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scorebench.suite.sweep import Point


@dataclass(frozen=True)
class Cell:
    """One point of a sweep with one repeat: the unit of work, of failure and of resuming.

    Attributes:
        point: model, schedule and sampler.
        repeat: from 0.
        seed: of its random streams, shared by all cells of this repeat.
        fingerprint: a digest of everything that can change its numbers.
        samples: a digest of everything that can change its samples.
        walk: a digest that is equal for cells whose samples one walk can give.
        n_sigmas: number of noise levels.
        nfe: evaluations per sample to be expected, None if the sampler doesn't say.
        end_nfe: those of them that are made after the walk.
    """

    point: Point
    repeat: int
    seed: int
    fingerprint: str
    samples: str
    walk: str
    n_sigmas: int
    nfe: int | None
    end_nfe: int = 0


@dataclass
class Result:
    """What became of a cell.

    Attributes:
        row: its row of the table.
        environment: what it was computed with.
        grid: its first samples, uint8 ``[n, C, H, W]``, if they are images.
        trajectory: how some of them came about, uint8 ``[samples, states, C, H, W]``, if the
            sampler yielded more than one state.
        traceback: of what ended it early.
    """

    row: dict[str, Any]
    environment: Mapping[str, Any] = field(default_factory=dict)
    grid: np.ndarray[Any, Any] | None = None
    trajectory: np.ndarray[Any, Any] | None = None
    traceback: str | None = None
