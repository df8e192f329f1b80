"""The command that runs a row of a table again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from scorebench.report.numbers import printable
from scorebench.report.results import Results

DIGITS = 12  # of a fingerprint; more than enough


@dataclass(frozen=True)
class Command:
    """The command that ran a suite, and what makes it that of one row, as the page's script does.

    Attributes:
        line: of the whole run.
        place: the beginning of a directory for one row.
        folder: where to give it, as seen from the results directory; empty if that isn't known.
    """

    line: str
    place: str
    folder: str

    def of_row(self, fingerprint: str) -> str:
        """The command that runs only this row, into a directory of its own."""
        short = fingerprint[:DIGITS]
        return f"{self.line} --only {short} --results {self.place}-{short}"


def command(results: Results) -> Command | None:
    """The command that ran the suite; None for a table made elsewhere."""
    if results.folder is None:
        return None
    words = results.arguments or [str(results.folder / "suite.yaml")]
    return Command(
        line=shlex.join(["scorebench", "run", *map(printable, words)]),
        place=shlex.quote(f"results/{results.name}"),
        folder=printable(results.started_in),
    )
