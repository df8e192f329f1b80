"""Data whose score is known exactly, for samplers to be tried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from scorebench.plugin.contracts import ScoreModel, per_sample

CPU = torch.device("cpu")


@dataclass
class ExactMixture(ScoreModel):
    """A mixture of isotropic Gaussians; of one, a Gaussian.

    Args:
        weights: ``[K]``, > 0, summing to 1.
        means: ``[K, d]``.
        stds: standard deviations ``[K, d]``, of independent coordinates.
        dtype, device: in which and where it computes.
    """

    weights: Sequence[float]
    means: Sequence[Sequence[float]]
    stds: Sequence[Sequence[float]]
    dtype: torch.dtype = torch.float64
    device: torch.device = CPU

    def __post_init__(self) -> None:
        self.event_shape = (len(self.means[0]),)

    @cached_property
    def _parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        weights, means, stds = (
            torch.tensor(a, dtype=self.dtype, device=self.device)
            for a in (self.weights, self.means, self.stds)
        )
        return weights.log(), means, stds.square()

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Σₖ rₖ(x)·(μₖ − x)/(sₖ² + σ²), with rₖ the posterior probability of component k."""
        logits, pull = self._components(x, sigma)
        return (logits.softmax(1)[..., None] * pull).sum(1)

    def log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The log-density ``[B]``, up to a constant that is the same for all σ."""
        logits, _ = self._components(x, sigma)
        return logits.logsumexp(1)

    def _components(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        log_weights, means, variances = self._parameters
        total = variances + per_sample(sigma, x[..., None]) ** 2
        pull = (means - x[:, None]) / total
        return log_weights - ((means - x[:, None]) * pull + total.log()).sum(-1) / 2, pull


GAUSSIAN = ExactMixture([1.0], [[0.3, -1.0, 0.5]], [[0.1, 0.7, 2.0]])
MIXTURE = ExactMixture(
    [0.3, 0.5, 0.2],
    [[-1.0, 0.5], [1.0, 0.0], [0.0, -1.0]],
    [[0.5, 0.5], [0.4, 0.4], [0.6, 0.6]],
)
POINT = ExactMixture([1.0], [[0.3, -1.0]], [[0.0, 0.0]])
