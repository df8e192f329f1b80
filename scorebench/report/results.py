"""Results directories, and tables made elsewhere, as a report reads them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scorebench.errors import UserError
from scorebench.report.bare_table import directions, read_bare_table
from scorebench.report.columns import is_taken
from scorebench.report.complete import completed, own_name, renamed
from scorebench.report.numbers import printable
from scorebench.report.settings import settings
from scorebench.report.table_file import SUFFIXES
from scorebench.store import Store, assemble

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Results:
    """What a results directory, or a table made elsewhere, holds.

    Attributes:
        name: what to call it; no two of a report are called the same.
        folder: the results directory; None for a table made elsewhere.
        table: a row for every finished cell; none if none has finished.
        better: for each metric column that can be ranked, ``lower`` or ``higher``.
        planned: how many cells the suite has; of a table made elsewhere, the rows.
        settings: what, beside its configuration, a row's metrics depend on: the dataset,
            reference and features, and the parameters of each metric.
        arguments: of the command that ran the suite; empty where that wasn't kept.
        started_in: where that was given, as seen from the directory.
        promised: columns that the table may not have yet: those of cells that haven't finished,
            and metrics without a value.
        chosen: which of all rows these are, e.g. ``2 of 9 rows, where nfe < 50``; empty: all.
    """

    name: str
    folder: Path | None
    table: pd.DataFrame
    better: Mapping[str, str]
    planned: int
    settings: Mapping[str, str]
    arguments: Sequence[str] = ()
    started_in: str = ""
    promised: Sequence[str] = ()
    chosen: str = ""

    def cell_file(self, kind: str, fingerprint: object, suffix: str) -> Path | None:
        """A cell's file of a kind (``cells``, ``images``, ``trajectories``), or an environment's.

        None where there is none: of a table made elsewhere, or by a fingerprint that isn't one and
        might lead out of the directory.
        """
        if not re.fullmatch(r"[0-9a-f]+", str(fingerprint)):
            return None
        return self.file(kind, f"{fingerprint}{suffix}")

    def file(self, *parts: str) -> Path | None:
        """A file of the results directory; None if there is none, or a link that leads elsewhere.

        Whoever opens a report on results from somebody else would show what that is, too.
        """
        return None if self.folder is None else _file(self.folder, *parts)


def read(paths: Sequence[Path]) -> list[Results]:
    """Read one or more results directories, or ``.csv`` and ``.parquet`` tables.

    Raises:
        UserError: one is neither, is no table to report on, or is given twice.
    """
    places = [Path(os.path.realpath(path)) for path in paths]  # resolve fails at a loop of links
    for i, place in enumerate(places):
        if place in places[:i]:
            raise UserError(f"{paths[i]} is given twice")
    short = [place.name for place in places]
    unique = len(set(short)) == len(short)
    names = short if unique else [str(path) for path in paths]
    return [_read(path, printable(name)) for path, name in zip(paths, names, strict=True)]


def _read(path: Path, name: str) -> Results:
    if path.is_dir():
        return _read_directory(path, name)
    if path.suffix.lower() in SUFFIXES:
        table = read_bare_table(path)
        better = directions(map(str, table))
        return Results(name, None, table, better, len(table), {})
    if path.exists():
        raise UserError(f"{path}: a report reads results directories, .csv and .parquet tables")
    raise UserError(f"{path}: there is no such results directory or table")


def _read_directory(folder: Path, name: str) -> Results:
    store = Store(folder)
    plan = store.plan()
    table = assemble(plan, store.finished(cell["fingerprint"] for cell in plan["cells"]))
    table = completed(renamed(table, folder), plan["suite"])
    better = {
        metric: way
        for metric, way in ((own_name(given), way) for given, way in plan["better"].items())
        if way in ("lower", "higher") and not is_taken(metric)
    }
    promised = {own_name(column): None for cell in plan["cells"] for column in cell["columns"]}
    return Results(
        name,
        folder,
        table,
        better,
        planned=len(plan["cells"]),
        settings=settings(_file(folder, "suite.yaml")),
        arguments=plan.get("arguments", ()),
        started_in=plan.get("started_in", ""),
        promised=list({**promised, **better}),
    )


def _file(folder: Path, *parts: str) -> Path | None:
    path = folder.joinpath(*parts)
    try:
        inside = path.is_file() and path.resolve().is_relative_to(folder.resolve())
    except OSError:  # e.g. of a name that is too long
        return None
    return path if inside else None
