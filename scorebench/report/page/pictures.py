"""Pictures of samples, small enough to be part of a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from scorebench.report.picture_file import read_picture
from scorebench.report.results import Results

KINDS = ("images", "trajectories")
SMALL = 12_000  # bytes that a picture may have without losing detail
BUDGET = 2_400_000  # characters of all pictures of a page
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
    image = None if path is None else read_picture(path, LARGEST_SIDE)
    if image is None:
        return None
    return "data:image/webp;base64," + base64.b64encode(_encoded(image)).decode()


def _encoded(image: Image.Image) -> bytes:
    for options in ({"lossless": True, "method": 2}, {"quality": 75, "method": 4}):
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", **options)
        if buffer.tell() <= SMALL:
            break
    return buffer.getvalue()
