"""The check that a schedule has one noise level, for chains that stay at it."""

from __future__ import annotations


def check_one_level(name: str, levels: int) -> None:
    """Raise ValueError unless there is one level, saying what to use instead."""
    if levels != 1:
        raise ValueError(
            f"{name} stays at one noise level, but the schedule has {levels}; "
            "use schedule: constant or sampler: annealed_langevin"
        )
