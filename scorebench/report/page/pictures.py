"""Pictures of samples, small enough to be part of a page."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from scorebench.report.results import Results

KINDS = ("images", "trajectories")
SMALL = 12_000  # bytes that a picture may have without losing detail
BUDGET = 2_400_000  # characters of all pictures of a page
LARGEST_FILE = 8_000_000  # bytes
LARGEST_AREA = 16_000_000  # pixels
LARGEST_SIDE = 640  # pixels


def pictures(wanted: Iterable[tuple[Results, str]]) -> dict[str, dict[str, str]]:
    """Pictures of cells as data addresses, by fingerprint and kind, as long as there is room.

    Args:
        wanted: fingerprints and whose they are, the most important first.
    """
    found: dict[str, dict[str, str]] = {}
    room = BUDGET
    for results, fingerprint in wanted:
        if fingerprint in found:
            continue
        own = {kind: picture(results.cell_file(kind, fingerprint, ".png")) for kind in KINDS}
        kept = {kind: address for kind, address in own.items() if address}
        room -= sum(map(len, kept.values()))
        if room < 0:
            break
        if kept:
            found[fingerprint] = kept
    return found


def picture(path: Path | None) -> str | None:
    """A picture file as a data address; None if there is none, or none that can be read."""
    try:
        if path is None or path.stat().st_size > LARGEST_FILE:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # e.g. of a decompression bomb
            with Image.open(path, formats=["PNG"]) as image:
                if image.width * image.height > LARGEST_AREA:
                    return None
                image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
                content = _encoded(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError):
        return None
    return "data:image/webp;base64," + base64.b64encode(content).decode()


def _encoded(image: Image.Image) -> bytes:
    for options in ({"lossless": True, "method": 2}, {"quality": 75, "method": 4}):
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", **options)
        if buffer.tell() <= SMALL:
            break
    return buffer.getvalue()
