"""Timing a thing and its floor in turn, so that a change of the machine's speed hits both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """A thing against its floor.

    Attributes:
        ratio: median over rounds of the thing's time over the floor's.
        more: median over rounds of the difference, seconds.
        floor: median seconds of the floor.
    """

    ratio: float
    more: float
    floor: float


def compare(thing: Callable[[], object], floor: Callable[[], object], *, rounds: int) -> Comparison:
    """Run both in turn, ``rounds`` times after once uncounted; each round is compared in itself."""
    pairs = [(_seconds(thing), _seconds(floor)) for _ in range(rounds + 1)][1:]
    return Comparison(
        statistics.median(t / f for t, f in pairs),
        statistics.median(t - f for t, f in pairs),
        statistics.median(f for _, f in pairs),
    )


def _seconds(thing: Callable[[], object]) -> float:
    started = time.perf_counter()
    thing()
    return time.perf_counter() - started
