"""A grid of samples as a PNG."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from PIL import Image

SMALLEST = 16  # samples are enlarged to at least this many pixels a side


def png(images: np.ndarray[Any, Any]) -> bytes:
    """Images uint8 ``[n, C, H, W]`` (C 1 or 3; otherwise the first channel) side by side."""
    n, channels, height, width = images.shape
    shown = images if channels in (1, 3) else images[:, :1]
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    canvas = np.zeros((rows * columns, *shown.shape[1:]), np.uint8)
    canvas[:n] = shown
    tiled = canvas.reshape(rows, columns, *shown.shape[1:]).transpose(0, 3, 1, 4, 2)
    pixels = tiled.reshape(rows * height, columns * width, -1)
    scale = math.ceil(SMALLEST / min(height, width))
    pixels = pixels.repeat(scale, axis=0).repeat(scale, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()
