"""A row in one line: what it is, what was measured, or why it wasn't."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.text import Text

from scorebench.report.numbers import printable

STYLES = {"ok": "green", "diverged": "yellow"}


def swept(cells: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The columns that tell cells apart, and how each is called in a line: without its role.

    Args:
        cells: the columns of each: names and parameters.
    """
    values: dict[str, set[str]] = {}
    for columns in cells:
        for name, value in columns.items():
            values.setdefault(name, set()).add(repr(value))
    names = [name for name, found in values.items() if len(found) > 1]
    short = [name.rpartition(".")[2] for name in names]
    return {n: s if short.count(s) == 1 else n for n, s in zip(names, short, strict=True)}


def row_line(
    row: Mapping[str, Any],
    columns: Mapping[str, Any],
    shown: Mapping[str, str],
    metrics: Sequence[str],
) -> Text:
    """One row.

    Args:
        row: of the table; what it lacks is left out.
        columns: its names and parameters.
        shown: as ``swept`` gives it.
        metrics: columns to show, the most important first.
    """
    told = [str(columns.get("sampler", ""))]
    told += [str(columns[n]) for n in ("schedule", "model") if n in shown and n in columns]
    told += [f"{s}={columns[n]}" for n, s in shown.items() if "." in n and n in columns]
    line = Text(printable(" ".join([*told, f"repeat={row.get('repeat', 0)}"])))
    status = row["status"]
    line.append(f"  {printable(status)}", style=STYLES.get(status, "red"))
    if status != "ok":
        line.append(f"  {printable(str(row.get('error') or 'no error is kept'))}")
        return line
    found = [f"{m}={row[m]:.3g}" for m in metrics if isinstance(row.get(m), int | float)]
    costs = [f"NFE={row['nfe']:g}"] if "nfe" in row else []
    costs += [f"{row['seconds']:.2f} s"] if "seconds" in row else []
    line.append(f"  {' '.join([*found[:1], *costs, *found[1:]])}")
    return line
