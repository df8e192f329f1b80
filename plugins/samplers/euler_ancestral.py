"""Euler steps followed by fresh noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from .ddim import DDIM


@dataclass(frozen=True, kw_only=True)
class EulerAncestral(DDIM):
    """An Euler step down to a level below the next, then fresh noise up to it.

    The sampler of that name in k-diffusion (Crowson 2022), and the ancestral predictor of Song et
    al. 2021, "Score-based generative modeling through stochastic differential equations",
    equation 47. An Euler step from σ to ``down`` is D + down/σ·(x − D), so this is DDIM with
    η = 1 unless told otherwise.
    """

    eta: Annotated[float, Ge(0), Le(1)] = 1.0
    """η: the share of fresh noise; 0 is Euler's method."""
