"""The noise levels a network is trained at: those of a schedule, or a continuous distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

MOST_BINS = 10


@dataclass(frozen=True)
class Bins:
    """Ranges of σ in which losses are told apart.

    Attributes:
        edges: what separates them, increasing, ``[bins − 1]``.
        centres: a σ that stands for each, ``[bins]``.
    """

    edges: Tensor
    centres: Tensor


class NoiseLevels(Protocol):
    """Where the σ of a training sample comes from."""

    def draw(self, count: int) -> Tensor:
        """σ for every sample of a batch, ``[count]``, by torch's global random numbers."""

    def bins(self) -> Bins:
        """The ranges in which losses are told apart."""


@dataclass(frozen=True)
class Listed:
    """Each level of a schedule with equal probability; where there are many, some share a bin.

    Args:
        sigmas: the levels, decreasing, ``[n]``, on the device they are needed on.
    """

    sigmas: Tensor

    def draw(self, count: int) -> Tensor:
        chosen = torch.randint(len(self.sigmas), (count,), device=self.sigmas.device)
        return self.sigmas[chosen]

    def bins(self) -> Bins:
        groups = self.sigmas.flip(0).tensor_split(min(MOST_BINS, len(self.sigmas)))
        lows, highs = torch.stack([g[0] for g in groups]), torch.stack([g[-1] for g in groups])
        return Bins((highs[:-1] * lows[1:]).sqrt(), (lows * highs).sqrt())


@dataclass(frozen=True)
class LogNormal:
    """ln σ from N(mean, std²) (Karras et al. 2022, table 1); bins are half a std wide.

    Args:
        mean, std: of ln σ.
        device, dtype: of what is drawn.
    """

    mean: float
    std: float
    device: torch.device
    dtype: torch.dtype

    def draw(self, count: int) -> Tensor:
        normal = torch.randn(count, device=self.device, dtype=self.dtype)
        return (self.mean + self.std * normal).exp()

    def bins(self) -> Bins:
        steps = torch.arange(1 - MOST_BINS, MOST_BINS, device=self.device, dtype=self.dtype) / 4
        sigmas = (self.mean + self.std * steps).exp()
        return Bins(sigmas[1::2].contiguous(), sigmas[::2])
