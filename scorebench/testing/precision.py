"""Trying a component in another precision, and what to expect of one."""

from __future__ import annotations

import math

import torch

from scorebench.running.context import Context


def in_precision(context: Context, dtype: torch.dtype) -> Context:
    """The same context in another precision."""
    return Context(
        device=context.device,
        dtype=dtype,
        default_dataset=context.default_dataset,
        host=context.host,
        cache_dir=context.cache_dir,
    )


def rounding(dtype: torch.dtype) -> float:
    """√ε, half of a precision's digits: about 1.5e-8 in float64 and 3.5e-4 in float32.

    Sums in another order lose a few digits, and a sharp posterior multiplies that; a result that
    truly depends on what it shouldn't has no digit in common.
    """
    return math.sqrt(torch.finfo(dtype).eps)
