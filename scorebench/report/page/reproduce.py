"""The command that runs a row of a table again."""

from __future__ import annotations

import shlex

from scorebench.report.numbers import printable
from scorebench.report.results import Results

DIGITS = 12  # of a fingerprint; more than enough


def command(results: Results) -> tuple[str, str] | None:
    """The command of the whole run, and the beginning of a directory for one row of it.

    None for a table made elsewhere. ``row_command`` makes of it the command of one row, as the
    page's script does.
    """
    if results.folder is None:
        return None
    words = results.arguments or [str(results.folder / "suite.yaml")]
    line = shlex.join(["scorebench", "run", *map(printable, words)])
    return line, shlex.quote(f"results/{results.name}")


def row_command(whole: tuple[str, str], fingerprint: str) -> str:
    """The command that runs only this row, into a directory of its own."""
    line, place = whole
    short = fingerprint[:DIGITS]
    return f"{line} --only {short} --results {place}-{short}"
