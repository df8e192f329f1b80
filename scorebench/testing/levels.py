"""The noise levels on which the kit tries samplers."""

from __future__ import annotations

import torch
from torch import Tensor

from scorebench.plugin.contracts import Sampler

SIGMA_MAX, SIGMA_MIN, ONE = 80.0, 0.05, 0.5


def levels(n: int, *, sigma_min: float = SIGMA_MIN) -> Tensor:
    """Levels from 80 down, graded as in Karras et al. 2022, eq. 5 (ρ = 7); one level is 0.5."""
    if n == 1:
        return torch.tensor([ONE], dtype=torch.float64)
    root = torch.tensor([SIGMA_MAX, sigma_min], dtype=torch.float64) ** (1 / 7)
    fraction = torch.linspace(0, 1, n, dtype=torch.float64)
    sigmas: Tensor = (root[0] + fraction * (root[1] - root[0])) ** 7
    return sigmas


def takes_one_level_only(sampler: Sampler) -> bool:
    """Whether a sampler refuses to walk down several noise levels."""
    try:
        sampler.nfe(2)
    except ValueError:
        return True
    return False


def levels_for(sampler: Sampler, n: int) -> Tensor:
    """``n`` noise levels, or one for a chain that stays at it."""
    return levels(1 if takes_one_level_only(sampler) else n)
