"""Samples, and how they came about, as a PNG."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from PIL import Image

SMALLEST = 32  # samples are enlarged to at least this many pixels a side
GAP = 2  # pixels between samples
SHADE = 96  # of the gaps


def png(images: np.ndarray[Any, Any]) -> bytes:
    """Images uint8 ``[n, C, H, W]`` (C 1 or 3; otherwise the first channel) in a square grid."""
    return _grid(images, columns=math.ceil(math.sqrt(len(images))))


def strip(trajectories: np.ndarray[Any, Any]) -> bytes:
    """Trajectories uint8 ``[n, states, C, H, W]``, channels as in ``png``, a row each."""
    return _grid(np.concatenate(trajectories), columns=trajectories.shape[1])


def _grid(images: np.ndarray[Any, Any], *, columns: int) -> bytes:
    shown = images if images.shape[1] in (1, 3) else images[:, :1]
    scale = math.ceil(SMALLEST / min(shown.shape[2:]))
    shown = shown.repeat(scale, axis=2).repeat(scale, axis=3)
    n, channels, height, width = shown.shape
    rows = math.ceil(n / columns)
    tiles = np.full((rows * columns, channels, height + GAP, width + GAP), SHADE, np.uint8)
    tiles[:n, :, GAP:, GAP:] = shown
    grid = tiles.reshape(rows, columns, *tiles.shape[1:]).transpose(0, 3, 1, 4, 2)
    pixels = grid.reshape(rows * (height + GAP), columns * (width + GAP), channels)
    pixels = np.pad(pixels, ((0, GAP), (0, GAP), (0, 0)), constant_values=SHADE)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()
