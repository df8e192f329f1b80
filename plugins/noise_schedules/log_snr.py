"""Noise levels uniform in the logarithm of the signal-to-noise ratio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le

from .geometric import Geometric


@dataclass(frozen=True, kw_only=True)
class LogSNR(Geometric):
    """Uniform in log SNR = −2·log σ; the very levels of ``geometric``, over another range.

    Equal steps in log SNR are those of Lu et al. 2022, "DPM-Solver: a fast ODE solver for
    diffusion probabilistic model sampling in around 10 steps". In the coordinates x = x₀ + σz they
    are a constant ratio of σ, so nothing but the defaults sets this apart from ``geometric``: the
    range of Karras et al. 2022, table 1. One level is σ_max alone.
    """

    n: Annotated[int, Ge(1), Le(1_000_000)] = 18
    """Number of noise levels."""
    sigma_max: Annotated[float, Gt(0)] = 80.0
    """First and largest noise level."""
    sigma_min: Annotated[float, Gt(0)] = 0.002
    """Last and smallest noise level."""
