"""Where the numbers of a page come from: failures, environments, suites, commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress

from scorebench.report.comparable import Part
from scorebench.report.layout import Column, Grid
from scorebench.report.numbers import MISSING, printable
from scorebench.report.page.content import Again, Table, Trouble
from scorebench.report.page.reproduce import command
from scorebench.report.ranking import Failure, Ranking
from scorebench.report.results import Results
from scorebench.report.surroundings import environments
from scorebench.report.terminal import plural

MOST = 20  # kinds of failures
LONGEST = 20_000  # characters of a suite or a traceback


def troubles(results: Sequence[Results], failures: Sequence[Failure]) -> list[Trouble]:
    """The failures, the most frequent first, each with the traceback of its first row."""
    return [
        Trouble(
            head=f"{failure.count:,} × {failure.status}",
            error=failure.error,
            example=failure.example,
            traceback=_traceback(results, failure.fingerprint),
        )
        for failure in sorted(failures, key=lambda failure: -failure.count)[:MOST]
    ]


def ended(rows: int, failures: Sequence[Failure]) -> str:
    """How many of the finished rows ended ok, and what of the failures is left out."""
    cells = plural(rows, "finished cell")
    if not failures:
        return f"All ended ok: {cells}." if rows else "No cell has finished yet."
    lost = sum(failure.count for failure in failures)
    rest = len(failures) - MOST
    more = f" {plural(rest, 'rarer kind')} of failure can be found among all rows."
    return f"{lost:,} of {cells} did not end ok.{more if rest > 0 else ''}"


def _traceback(results: Sequence[Results], fingerprint: str) -> str:
    for path in (r.cell_file("cells", fingerprint, ".json") for r in results):
        try:
            record = None if path is None else json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        told = record.get("traceback") if isinstance(record, dict) else None
        if isinstance(told, str):
            return _lines(told)
    return ""


def surroundings(results: Sequence[Results]) -> list[Table]:
    """What rows were computed with, an environment a column; nothing if it isn't known."""
    found = {(r.name, digest): known for r in results for digest, known in environments(r).items()}
    if not found:
        return []
    names = list(dict.fromkeys(what for known in found.values() for what in known))
    heads = [
        name if len(results) > 1 else f"environment {i}" for i, (name, _) in enumerate(found, 1)
    ]
    grid = Grid(
        [
            Column("", names, right=False),
            *(
                Column(head, [known.get(n, MISSING) for n in names], right=False)
                for head, known in zip(heads, found.values(), strict=True)
            ),
        ],
        len(names),
    )
    return [Table("Environment", grid)]


def suites(results: Sequence[Results]) -> dict[str, str]:
    """The suites as run, by name of results."""
    found = {}
    for r in results:
        if path := r.file("suite.yaml"):
            with suppress(OSError), path.open(encoding="utf-8-sig", errors="replace") as file:
                found[r.name] = _lines(file.read(LONGEST + 2))
    return found


def again(results: Results, rankings: Sequence[tuple[Part, Ranking]]) -> Again | None:
    """How to run the best configuration's first row again."""
    whole = command(results)
    for part, ranking in rankings:
        if whole is None or not len(ranking.configurations):
            continue
        label = ranking.configurations.index[0]
        rows = part.results.table[(ranking.members == label).to_numpy()]
        fingerprint = str(rows["fingerprint"].iloc[0])
        if results.cell_file("cells", fingerprint, ".json"):
            return Again(ranking.describe(label), whole.of_row(fingerprint), whole.folder)
    return None


def _lines(text: str) -> str:
    """A text from a file, without its control characters, and not too long."""
    lines = [printable(line.replace("\t", "    ")) for line in text.splitlines()]
    whole = "\n".join(lines)
    return whole if len(whole) <= LONGEST else whole[:LONGEST] + "\n…"
