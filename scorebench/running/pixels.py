"""From a model's data units to 8-bit images."""

from __future__ import annotations

import torch
from torch import Tensor


def to_uint8(x: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Images ``[B, C, H, W]``: clamp to the value range, map to [0, 255], round to nearest."""
    low, high = value_range
    scaled = (x.clamp(low, high) - low) * (255 / (high - low))
    return scaled.round().to(torch.uint8)


def shows_images(event_shape: tuple[int, ...], value_range: tuple[float, float] | None) -> bool:
    """Whether samples of this shape and range are images, and so compared as 8-bit ones."""
    return len(event_shape) == 3 and value_range is not None
