"""How many inputs each reader gets: above 10,000 together, in about two minutes on one core.

The same ones every time. ``SCOREBENCH_FUZZ=20`` tries 20 times as many, for a long look by hand.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from hypothesis import HealthCheck, settings

INPUTS: Mapping[str, int] = {
    "suite text": 1800,
    "suite values": 1300,
    "YAML text": 2500,
    "overrides": 700,
    "plans": 300,
    "config text": 500,
    "config values": 500,
    "record values": 300,
    "record bytes": 300,
    "pages": 30,
    "csv": 400,
    "parquet": 400,
    "weights": 700,
    "weights' words": 300,
    "checkpoint configs": 200,
    "pipelines": 300,
    "image files": 400,
    "statistics": 400,
}


def inputs(reader: str) -> settings:
    """Hypothesis's settings for a reader's share."""
    return settings(
        max_examples=INPUTS[reader] * int(os.environ.get("SCOREBENCH_FUZZ", "1")),
        deadline=None,  # watch.py has one that noise doesn't reach
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
