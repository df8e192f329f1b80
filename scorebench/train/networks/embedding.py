"""What networks are told of the noise level."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu


class NoiseEmbedding(nn.Module):
    """c_noise ``[B]`` to a learned vector ``[B, width]``, through sines and cosines of it.

    Their angular frequencies are an octave apart, after Vaswani et al. 2017, "Attention is all you
    need", section 3.5. c_noise = ln(σ)/4 varies slowly: on the range of −3 to 2 that σ from 1e-5
    to 3000 covers, the lowest sine has no full period; the highest has one while σ grows fivefold.
    """

    octaves = range(-1, 5)
    """Binary logarithms of the frequencies, ½ to 16."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * len(self.octaves), width)

    def forward(self, noise: Tensor) -> Tensor:
        """In the precision of the weights; angles are taken in float32 or better."""
        wide = torch.promote_types(noise.dtype, torch.float32)
        frequencies = 2 ** torch.tensor(self.octaves, dtype=wide, device=noise.device)
        angles = noise.to(wide).unsqueeze(1) * frequencies
        waves = torch.cat([angles.cos(), angles.sin()], 1)
        return silu(self.linear(waves.to(self.linear.weight.dtype)))
