"""Energies of known two-dimensional densities: x ``[B, 2]`` to E(x) ``[B]``, in nats."""

from __future__ import annotations

import torch
from torch import Tensor


def double_well(x: Tensor) -> Tensor:
    """E = 4·(x₁² − 1)² + x₂²/2: two wells at (±1, 0), a barrier of 4 between them.

    The wells are equally deep. The form is that of Noé et al. 2019, "Boltzmann generators",
    without its tilt.
    """
    along, across = x.unbind(-1)
    return 4 * (along**2 - 1) ** 2 + across**2 / 2


def ring(x: Tensor) -> Tensor:
    """E = ((‖x‖ − 2)/0.4)²/2: a ring of radius 2 and width 0.4, the first term of ``two_moons``."""
    radius: Tensor = torch.linalg.vector_norm(x, dim=-1)  # unlike hypot, has a slope at 0: 0
    return ((radius - 2) / 0.4) ** 2 / 2


def two_moons(x: Tensor) -> Tensor:
    """E = ring(x) − log(exp(−((x₁ − 2)/0.6)²/2) + exp(−((x₁ + 2)/0.6)²/2)): two arcs of the ring.

    U₁ of Rezende & Mohamed 2015, "Variational inference with normalizing flows", table 1.
    """
    right, left = (-(((x[..., 0] - centre) / 0.6) ** 2) / 2 for centre in (2, -2))
    return ring(x) - torch.logaddexp(right, left)
