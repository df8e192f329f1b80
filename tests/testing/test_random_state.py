from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from scorebench.testing.random_state import from_two_states


def drawn() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_the_two_states_differ_in_every_library_and_are_the_same_each_time() -> None:
    first, second = from_two_states(drawn)
    assert all(a != b for a, b in zip(first, second, strict=True))
    assert from_two_states(drawn) == (first, second)


def test_the_state_that_was_found_is_restored_also_after_an_error() -> None:
    def fails() -> None:
        drawn()
        raise RuntimeError("no")

    def after(*, disturbed: bool) -> tuple[float, float, float]:
        random.seed(5)
        np.random.seed(5)
        torch.manual_seed(5)
        if disturbed:
            with pytest.raises(RuntimeError, match="no"):
                from_two_states(fails)
            from_two_states(drawn)
        return drawn()

    assert after(disturbed=True) == after(disturbed=False)
