"""What holds for every noise schedule."""

from __future__ import annotations

from typing import Any

import torch

from scorebench.running.context import Context
from scorebench.running.sampling import check_sigmas
from scorebench.testing.outcome import Check, Outcome
from scorebench.testing.random_state import from_two_states


def valid_levels(component: Any, context: Context) -> Outcome:
    """Levels are float64 ``[n]`` on the CPU, finite, strictly decreasing and > 0, or one 0.

    This is the contract of ``scorebench.NoiseSchedule``; what the harness demands of any levels.
    """
    sigmas = component.sigmas(context)
    check_sigmas(sigmas)
    if sigmas.dtype != torch.float64 or sigmas.device.type != "cpu":
        message = f"levels are {sigmas.dtype} on {sigmas.device}, not torch.float64 on cpu"
        return Outcome("valid levels", False, message)
    message = f"{len(sigmas)} in all, decreasing strictly from {sigmas[0]:.4g} to {sigmas[-1]:.4g}"
    if len(sigmas) == 1:
        message = f"one level, {sigmas[0]:.4g}"
    return Outcome("valid levels", True, message)


def declared_length(component: Any, context: Context) -> Outcome:
    """A schedule with a parameter ``n`` gives n levels: suites sweep it to compare equal costs."""
    n, found = getattr(component, "n", None), len(component.sigmas(context))
    if n is None:
        return Outcome("declared length", None, f"levels found: {found}; there is no parameter n")
    return Outcome("declared length", found == n, f"levels found: {found}, for n = {n}")


def same_levels_again(component: Any, context: Context) -> Outcome:
    """Levels depend on the parameters alone: not on the call nor on the global random state."""
    first, second = from_two_states(lambda: component.sigmas(context))
    passed = torch.equal(first, second)
    told = "are the same" if passed else "differ"
    message = f"two calls {told} under two global random states"
    return Outcome("same levels again", passed, message)


def same_levels_in_any_precision(component: Any, context: Context) -> Outcome:
    """Levels don't depend on the precision models compute in, so it can be compared."""
    single, double = (
        component.sigmas(context.in_precision(dtype)) for dtype in (torch.float32, torch.float64)
    )
    passed = torch.equal(single, double)
    told = "are the same" if passed else "differ"
    message = f"levels {told} with models in float32 and in float64"
    return Outcome("same levels in any precision", passed, message)


CHECKS: tuple[Check, ...] = (
    valid_levels,
    declared_length,
    same_levels_again,
    same_levels_in_any_precision,
)
