"""What results were computed with, and how that differs between several."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scorebench.report.numbers import MISSING, parameter
from scorebench.report.results import Results

REVISION_SHOWN = 10  # digits of it
# What comes first; the rest stays in its order.
ORDER = ("packages.scorebench", "git.", "python", "packages.", "")


def environments(results: Results) -> dict[str, dict[str, str]]:
    """The environments of a table's rows, by digest, e.g. ``{"packages.torch": "2.14.1", …}``.

    Those whose file is missing or can't be read are left out, and of others what isn't known.
    """
    found: dict[str, dict[str, str]] = {}
    for digest in results.table["environment"].dropna().unique().tolist():
        if path := results.cell_file("environments", digest, ".json"):
            found[digest] = dict(_texts(path))
    return {digest: known for digest, known in found.items() if known}


def differing(results: Sequence[Results]) -> list[tuple[str, dict[str, str]]]:
    """What is not equal in the environments of all results, versions first.

    Returns:
        What it is, and by name of results what it is there: several values where its rows differ,
        ``MISSING`` where it isn't known. Results of which nothing is known make no difference.
    """
    known = {r.name: list(environments(r).values()) for r in results}
    names = dict.fromkeys(what for all_ in known.values() for one in all_ for what in one)
    found = []
    for what in sorted(names, key=_place):
        values = {
            name: ", ".join(dict.fromkeys(one.get(what, MISSING) for one in all_)) or MISSING
            for name, all_ in known.items()
        }
        if len({values[name] for name, all_ in known.items() if all_}) > 1:
            found.append((what, values))
    return found


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """What an environment file says, flattened; nothing if it can't be read."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return
    for name, value in content.items() if isinstance(content, dict) else ():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for part, told in parts:
            what = parameter(f"{name}.{part}" if part else name)
            if isinstance(told, str | int | float):
                yield what, _short(what, told)


def _short(what: str, told: Any) -> str:
    text = parameter(told)
    return text[:REVISION_SHOWN] if what == "git.revision" else text


def _place(what: str) -> int:
    return next(i for i, start in enumerate(ORDER) if what.startswith(start))
