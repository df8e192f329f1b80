"""The energy that suites/energy.yaml samples."""

from __future__ import annotations

import torch
from torch import Tensor

WEIGHTS = (0.5, 0.3, 0.2)
MEANS = ((-1.0, -0.6), (1.0, -0.6), (0.0, 1.2))
STDS = (0.4, 0.4, 0.5)


def energy(x: Tensor, sigma: Tensor) -> Tensor:
    """−log Σₖ wₖ·exp(−‖x − μₖ‖²/(2vₖ))/vₖ with vₖ = sₖ² + σ², for x ``[B, 2]``, σ ``[B]``: ``[B]``.

    The normalising constant is left out, as an energy may. It is never differentiated by hand.
    """
    variances = x.new_tensor(STDS) ** 2 + sigma[:, None] ** 2
    distances = (x[:, None] - x.new_tensor(MEANS)).square().sum(-1)
    logits = x.new_tensor(WEIGHTS).log() - variances.log() - distances / (2 * variances)
    return -torch.logsumexp(logits, dim=1)
