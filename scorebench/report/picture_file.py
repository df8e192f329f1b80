"""Pictures that are files of anybody's making."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image

LARGEST_FILE = 8_000_000  # bytes
LARGEST_AREA = 16_000_000  # pixels


def read_picture(path: Path, largest_side: int) -> Image.Image | None:
    """A PNG file as an RGB picture; None if it is none, or too large to be one of samples.

    Args:
        path: of the file.
        largest_side: pixels to which it is made smaller, if it is larger.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # e.g. of a decompression bomb
            with Image.open(path, formats=["PNG"]) as image:
                if image.width * image.height > LARGEST_AREA:
                    return None
                image.thumbnail((largest_side, largest_side))
                return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError):
        return None
