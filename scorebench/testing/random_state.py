"""Whether something depends on the global random state, which no component may use."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch

Result = TypeVar("Result")


def from_two_states(compute: Callable[[], Result]) -> tuple[Result, Result]:
    """The results under two global random states of Python, numpy and torch.

    The state that was found is restored.
    """
    python, legacy = random.getstate(), np.random.get_state()
    results = []
    try:
        with torch.random.fork_rng():
            for seed in (1, 2):
                random.seed(seed)
                np.random.seed(seed)
                torch.manual_seed(seed)
                results.append(compute())
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
    return results[0], results[1]
