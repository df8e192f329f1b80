"""The command line that makes a suite and its cells again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def arguments(
    suite: Path | str,
    *,
    settings: Sequence[str] = (),
    plugins: Sequence[Path] = (),
    device: str = "auto",
) -> list[str]:
    """What follows ``scorebench run``, as the user gave it: what decides which cells there are.

    Args:
        suite: the suite file; relative to where the command is given, as plugins are.
        settings: overrides, as given to ``--set``.
        plugins: as given to ``--plugins``.
        device: as given to ``--device``; left out where it is ``auto``.
    """
    words = [str(suite)]
    for setting in settings:
        words += ["--set", setting]
    for plugin in plugins:
        words += ["--plugins", str(plugin)]
    return words if device == "auto" else [*words, "--device", device]


def started_in(results: Path) -> str:
    """Where the user stands, as seen from a results directory, e.g. ``../..``.

    Relative, so that it stays true when a folder is moved with its results, and tells nobody where
    on a machine that was.
    """
    here = Path.cwd().resolve()
    try:
        return Path(os.path.relpath(here, results.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return here.as_posix()
