"""A small convolutional U-Net for images, conditioned on the noise level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le, Lt, MinLen
from torch import Tensor, nn
from torch.nn.functional import silu

from .embedding import NoiseEmbedding


@dataclass(frozen=True, kw_only=True)
class UNet:
    """Residual blocks at falling resolutions and back, with skip connections between equal ones.

    The layout of Ronneberger et al. 2015, "U-Net: convolutional networks for biomedical image
    segmentation", figure 1. In each block the noise level scales and shifts the second
    normalisation: Dhariwal & Nichol 2021, "Diffusion models beat GANs on image synthesis", eq. 3.
    There is no attention; the network is smooth everywhere.
    """

    channels: Annotated[tuple[Annotated[int, Gt(0), Le(65_536)], ...], MinLen(1)] = (32, 64)
    """Channels at each resolution, finest first; multiples of 8 are best. Images are halved in
    height and width from one to the next."""
    blocks: Annotated[int, Gt(0), Le(100)] = 1
    """Residual blocks at each resolution on the way down, and again on the way up."""
    embedding: Annotated[int, Gt(0), Le(65_536)] = 128
    """Width of the noise level's embedding."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Probability with which a block's activations are dropped in training."""

    def build(self, event_shape: tuple[int, ...]) -> UNetNetwork:
        """The network, initialised at random, for images of ``event_shape`` (C, H, W).

        Raises:
            ValueError: samples aren't images, or their sizes can't be halved often enough.
        """
        shape = "×".join(map(str, event_shape))
        if len(event_shape) != 3:
            raise ValueError(f"unet: needs images C×H×W, got samples of shape {shape}; try mlp")
        halvings = len(self.channels) - 1
        if any(size % 2**halvings for size in event_shape[1:]):
            raise ValueError(
                f"unet: {len(self.channels)} resolutions need height and width to be multiples of "
                f"{2**halvings}, got images of {shape}; list fewer channels"
            )
        return UNetNetwork(self, event_shape[0])


class UNetNetwork(nn.Module):
    """The module that ``UNet`` describes; its last layer starts at zero, hence its output too."""

    def __init__(self, unet: UNet, image_channels: int) -> None:
        super().__init__()
        finest = unet.channels[0]
        self.embed = NoiseEmbedding(unet.embedding)
        self.first = nn.Conv2d(image_channels, finest, 3, padding=1)
        self.level = Level(unet, *unet.channels)
        self.normalise = normalisation(finest)
        self.last = nn.Conv2d(finest, image_channels, 3, padding=1)
        for weight in self.last.parameters():
            nn.init.zeros_(weight)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """Images ``[B, C, H, W]`` of about unit variance and c_noise ``[B]`` to x's shape."""
        h = self.level(self.first(x), self.embed(noise))
        output: Tensor = self.last(silu(self.normalise(h)))
        return output


class Level(nn.Module):
    """One resolution of a U-Net and, inside it, all the coarser ones."""

    def __init__(self, unet: UNet, width: int, *coarser: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(Block(unet, width, width) for _ in range(unet.blocks))
        self.up = nn.ModuleList()
        if coarser:
            self.shrink = nn.Conv2d(width, coarser[0], 3, stride=2, padding=1)
            self.inside = Level(unet, *coarser)
            self.grow = nn.Sequential(
                nn.Upsample(scale_factor=2), nn.Conv2d(coarser[0], width, 3, padding=1)
            )
            inputs = [2 * width, *[width] * (unet.blocks - 1)]
            self.up.extend(Block(unet, size, width) for size in inputs)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        for block in self.down:
            h = block(h, embedding)
        if self.up:
            h = torch.cat([h, self.grow(self.inside(self.shrink(h), embedding))], 1)
        for block in self.up:
            h = block(h, embedding)
        return h


class Block(nn.Module):
    """A residual block: normalise, SiLU and convolve twice; the noise level comes in between."""

    def __init__(self, unet: UNet, inputs: int, outputs: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            normalisation(inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.normalise = normalisation(outputs)
        self.modulate = nn.Linear(unet.embedding, 2 * outputs)
        self.leave = nn.Sequential(
            nn.SiLU(), nn.Dropout(unet.dropout), nn.Conv2d(outputs, outputs, 3, padding=1)
        )
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.modulate(embedding)[..., None, None].chunk(2, 1)
        change = torch.addcmul(shift, self.normalise(self.enter(h)), 1 + scale)
        output: Tensor = self.skip(h) + self.leave(change)
        return output


def normalisation(channels: int) -> nn.GroupNorm:
    """In 8 groups; where the channels aren't a multiple of 8, in their largest common divisor."""
    return nn.GroupNorm(math.gcd(8, channels), channels)
