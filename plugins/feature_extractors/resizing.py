"""Resizing images as PIL does, a batch at a time on any device: two products with matrices."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

KEPT = 32  # matrices


def resize(images: Tensor, size: int) -> Tensor:
    """Resize every channel by PIL's bicubic filter, in floating point.

    This is clean-fid's convention (Parmar et al. 2022, "On aliased resizing and surprising
    subtleties in GAN evaluation"): cubic convolution (Keys 1981) with a = −0.5, stretched when
    shrinking so that nothing aliases, clipped to [0, 255] and not rounded to whole numbers. It
    differs from clean-fid's own, image by image through PIL, by less than 1e-4.

    On a CPU 8 images at a time are quickest: the memory of larger results isn't used again by the
    next, and getting it from the system takes longer than the arithmetic.

    Args:
        images: ``[B, C, H, W]`` with values in [0, 255], of any dtype.
        size: height and width of the result.

    Returns:
        float32 ``[B, C, size, size]`` in [0, 255].
    """
    rows, columns = (_bicubic(n, size).to(images.device) for n in images.shape[2:])
    return (rows @ images.float() @ columns.T).clamp_(0, 255)


@functools.lru_cache(KEPT)
def _bicubic(length: int, size: int) -> Tensor:
    """Weights ``[size, length]`` of what is read in what is written; float32 from float64."""
    scale = length / size
    stretch = max(scale, 1.0)
    centre = ((torch.arange(size, dtype=torch.float64) + 0.5) * scale)[:, None]
    read = torch.arange(length, dtype=torch.float64) + 0.5
    distance = (read - centre).abs() / stretch
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((2.5 - 0.5 * distance) * distance - 4) * distance + 2
    weights = torch.where(distance < 1, near, torch.where(distance < 2, far, 0.0))
    return (weights / weights.sum(dim=1, keepdim=True)).float()
