"""Weights that a component reads although no parameter names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights, and whether they are on this machine.

    A component tells of those that it reads unless parameters say otherwise by a classmethod
    ``default_weights(context)``, which yields these and downloads nothing. ``scorebench doctor``
    asks for them.

    Attributes:
        name: what they are called, e.g. ``facebook/dinov2-large``.
        path: the file or folder they are in; None where they are missing.
        how: how to have them where they are missing, in a few words.
    """

    name: str
    path: Path | None
    how: str
