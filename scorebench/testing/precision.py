"""What to expect of a floating-point precision."""

from __future__ import annotations

import math

import torch


def rounding(dtype: torch.dtype) -> float:
    """√ε, half of a precision's digits: about 1.5e-8 in float64 and 3.5e-4 in float32.

    Sums in another order lose a few digits, and a sharp posterior multiplies that; a result that
    truly depends on what it shouldn't has no digit in common.
    """
    return math.sqrt(torch.finfo(dtype).eps)
