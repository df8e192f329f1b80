"""A fully connected network for samples of few dimensions, conditioned on the noise level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Gt, Le
from torch import Tensor, nn
from torch.nn.functional import silu

from .embedding import NoiseEmbedding


@dataclass(frozen=True, kw_only=True)
class MLP:
    """Hidden layers with SiLU, each scaled and shifted by the noise level; smooth everywhere.

    The conditioning is that of Perez et al. 2018, "FiLM: visual reasoning with a general
    conditioning layer", eq. 2.
    """

    width: Annotated[int, Gt(0), Le(65_536)] = 128
    """Units in each hidden layer, and width of the noise level's embedding; 64 are as accurate on
    a mixture of six Gaussians in the plane, and twice as fast."""
    depth: Annotated[int, Gt(0), Le(100)] = 3
    """Number of hidden layers."""

    def build(self, event_shape: tuple[int, ...]) -> MLPNetwork:
        """The network, initialised at random, for samples of any shape, which it flattens."""
        return MLPNetwork(self, math.prod(event_shape))


class MLPNetwork(nn.Module):
    """The module that ``MLP`` describes; its last layer starts at zero, hence its output too."""

    def __init__(self, mlp: MLP, dimension: int) -> None:
        super().__init__()
        inputs = [dimension, *[mlp.width] * (mlp.depth - 1)]
        self.embed = NoiseEmbedding(mlp.width)
        self.modulate = nn.Linear(mlp.width, 2 * mlp.depth * mlp.width)
        self.hidden = nn.ModuleList(nn.Linear(size, mlp.width) for size in inputs)
        self.last = nn.Linear(mlp.width, dimension)
        for weight in self.last.parameters():
            nn.init.zeros_(weight)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """Samples ``[B, *event]`` of about unit variance and c_noise ``[B]`` to x's shape."""
        scales, shifts = self.modulate(self.embed(noise)).chunk(2, 1)
        depth = len(self.hidden)
        h = x.flatten(1)
        for layer, scale, shift in zip(
            self.hidden, scales.chunk(depth, 1), shifts.chunk(depth, 1), strict=True
        ):
            h = silu(torch.addcmul(shift, layer(h), 1 + scale))
        output: Tensor = self.last(h)
        return output.reshape(x.shape)
