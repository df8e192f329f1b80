"""A results directory: one atomic JSON file per finished cell, and the table derived from them.

::

    suite.yaml                  the suite as run, overrides included
    plan.json                   the cells of the latest run in order, with their swept parameters,
                                and the arguments of ``scorebench run`` that make their suite
                                again, given in the folder ``started_in``, as seen from this one;
                                plans of earlier runs have neither
    cells/<fingerprint>.json    the truth: a row, its environment, any traceback
    environments/<digest>.json  versions, device and revision behind rows
    images/<fingerprint>.png    a grid of the first samples of a cell
    trajectories/<fingerprint>.png
                                how some of these came about, a row each, a column a state
    table.parquet, table.csv    derived from the plan and the cells
    lock                        who writes here, while somebody does
"""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorebench.atomic import HALF_WRITTEN, write_atomically
from scorebench.errors import UserError
from scorebench.lock import LOCK

if TYPE_CHECKING:
    import pandas as pd

FOLDERS = ("cells", "environments", "images", "trajectories")
# The table's columns in order; parameters follow ``sampler``, metrics follow ``nfe``, and what they
# hang on comes before ``LAST``.
FIRST = ("suite", "model", "schedule", "sampler")
COUNTS = ("repeat", "seed", "samples", "n_sigmas", "nfe")
LAST = (
    "coupled",
    "batch_size",
    "batch_size_used",
    "status",
    "error",
    "seconds",
    "seconds_sampling",
    "seconds_features",
    "seconds_metrics",
    "samples_per_second",
    "peak_memory_mb",
    "device",
    "environment",
    "fingerprint",
    "finished",
)
YARDSTICK = re.compile(r"features(_digest|\..*)?|reference(_digest|_samples|\..*)?|metric\..*")
# What a sound row has as numbers, where it has it; ``seed`` it always has.
NUMBERS = (*COUNTS, "seconds", "seconds_sampling")
FINGERPRINT = re.compile("[0-9a-f]+")
LARGEST = 2**63  # numbers are below
NOT_JSON = {text: float(text) for text in ("nan", "inf", "-inf")}


@dataclass(frozen=True)
class Store:
    """A results directory.

    Args:
        folder: where it is, or will be.
    """

    folder: Path

    def check(self, suite_name: str) -> None:
        """Make sure that the directory can hold this suite's results, without changing it.

        Raises:
            UserError: it isn't a directory, can't be written, or holds something else.
        """
        try:
            self._check(suite_name)
        except OSError as error:
            raise UserError(
                f"results directory {self.folder} can't be used: {error.strerror}; "
                "name another with --results"
            ) from None

    def _check(self, suite_name: str) -> None:
        folder = self.folder
        if folder.exists() and not folder.is_dir():
            raise UserError(f"results directory {folder} is a file; name another with --results")
        existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
        except OSError as error:
            raise UserError(
                f"results directory {folder} can't be written: {error.strerror}; "
                "name another with --results"
            ) from None
        if not folder.is_dir() or all(
            p.name.startswith(".") or p.name == LOCK for p in folder.iterdir()
        ):
            return
        for name in FOLDERS:
            if not Path(os.path.realpath(folder / name)).is_relative_to(os.path.realpath(folder)):
                raise UserError(
                    f"{folder / name} is a link that leads out of the results directory; replace "
                    "it with what it links to, or name another directory with --results"
                )
        if not (folder / "plan.json").exists() and not (folder / "cells").is_dir():
            raise UserError(
                f"{folder} is not empty and not a results directory; name another with --results"
            )
        if not (folder / "plan.json").exists():
            return
        owner = self.plan()["suite"]
        if owner != suite_name:
            raise UserError(
                f"{folder} holds the results of suite {owner!r}, not {suite_name!r}; "
                "name another with --results"
            )

    def begin(self, suite_text: str, plan: Mapping[str, Any]) -> None:
        """Write the suite as run and the plan; remove what a run that was killed left half-written.

        Only who holds the directory's lock may do this.
        """
        write_atomically(self.folder / "plan.json", _json(plan))  # first: it marks the directory
        write_atomically(self.folder / "suite.yaml", suite_text.encode())
        for place in (self.folder, *(self.folder / name for name in FOLDERS)):
            for left in place.glob(HALF_WRITTEN):
                left.unlink(missing_ok=True)

    def plan(self) -> dict[str, Any]:
        """The plan of the latest run; a cell that it lists twice counts once.

        Raises:
            UserError: this isn't a results directory.
        """
        path = self.folder / "plan.json"
        plan = _content(path)
        if not _is_plan(plan):
            damaged = path.exists() and "; delete it and run the suite again, its cells are kept"
            raise UserError(
                f"{self.folder} is not a results directory: no readable plan.json{damaged or ''}"
            )
        cells: dict[str, Any] = {}
        for cell in plan["cells"]:
            cells.setdefault(cell["fingerprint"], cell)
        return {**plan, "cells": list(cells.values())}

    def finished(self, fingerprints: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Records of those cells that have ended; an unreadable file counts as missing."""
        found = {}
        for fingerprint in fingerprints:
            record = self._read(fingerprint)
            if record is not None:
                found[fingerprint] = record
        return found

    def _read(self, fingerprint: str) -> dict[str, Any] | None:
        if not FINGERPRINT.fullmatch(fingerprint):  # it might lead out of the directory
            return None
        record = _content(self.folder / "cells" / f"{fingerprint}.json")
        row = record.get("row") if isinstance(record, dict) else None
        sound = (
            isinstance(row, dict)
            and row.get("fingerprint") == fingerprint
            and isinstance(row.get("status"), str)
            and isinstance(row.get("seed"), int)
            and all(_is_number(row.get(name, 0)) for name in NUMBERS)
        )
        return record if sound else None

    def write_cell(
        self,
        record: Mapping[str, Any],
        picture: bytes | None = None,
        trajectory: bytes | None = None,
    ) -> None:
        """Keep a finished cell; its pictures (PNG), if any, are written first.

        Args:
            record: row, columns and traceback.
            picture: a grid of its first samples.
            trajectory: how some of them came about.
        """
        fingerprint = record["row"]["fingerprint"]
        for folder, content in (("images", picture), ("trajectories", trajectory)):
            if content is not None:
                write_atomically(self.folder / folder / f"{fingerprint}.png", content)
        write_atomically(self.folder / "cells" / f"{fingerprint}.json", _json(record))

    def write_environment(self, name: str, environment: Mapping[str, Any]) -> None:
        """Keep what rows were computed with."""
        path, content = self.folder / "environments" / f"{name}.json", _json(environment)
        if not path.is_file() or path.read_bytes() != content:
            write_atomically(path, content)

    def table(self) -> pd.DataFrame:
        """One row for every finished cell of the latest run, in the plan's order."""
        plan = self.plan()
        records = self.finished(cell["fingerprint"] for cell in plan["cells"])
        return assemble(plan, records)

    def write_table(self, records: Mapping[str, Mapping[str, Any]] | None = None) -> pd.DataFrame:
        """Derive ``table.parquet`` and ``table.csv`` from the cells.

        Args:
            records: those of the cells that have ended, as ``finished`` gives them; read if None.
        """
        table = self.table() if records is None else assemble(self.plan(), records)
        write_atomically(self.folder / "table.parquet", table.to_parquet(index=False))
        write_atomically(self.folder / "table.csv", table.to_csv(index=False).encode())
        return table


def _content(path: Path) -> Any:
    """What a JSON file holds; None if it can't be read, or is no file, such as a pipe."""
    try:
        return json.loads(path.read_bytes()) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return None


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) < LARGEST


def _is_plan(plan: Any) -> bool:
    return (
        isinstance(plan, dict)
        and isinstance(plan.get("suite"), str)
        and isinstance(plan.get("better"), dict)
        and all(isinstance(direction, str) for direction in plan["better"].values())
        and isinstance(plan.get("started_in", ""), str)
        and isinstance(plan.get("arguments", []), list)
        and all(isinstance(word, str) for word in plan.get("arguments", []))
        and isinstance(plan.get("cells"), list)
        and all(
            isinstance(cell, dict)
            and isinstance(cell.get("fingerprint"), str)
            and isinstance(cell.get("walk", ""), str | None)
            and isinstance(cell.get("columns"), dict)
            and cell["columns"].keys().isdisjoint((*COUNTS, *LAST))
            for cell in plan["cells"]
        )
    )


def assemble(plan: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The table of a plan's finished cells."""
    import pandas as pd

    rows = []
    for cell in plan["cells"]:
        if cell["fingerprint"] in records:
            row = {**cell["columns"], **records[cell["fingerprint"]]["row"]}
            row |= {"repeat": cell["repeat"]} if "repeat" in cell else {}
            rows.append({"suite": plan["suite"], **{k: _scalar(v) for k, v in row.items()}})
    names = list(dict.fromkeys(name for row in rows for name in row))
    ordered = _ordered(names or [*FIRST, *COUNTS, *LAST])
    return pd.DataFrame({name: _column([row.get(name) for row in rows]) for name in ordered})


def _column(values: list[Any]) -> pd.Series[Any]:
    """Values as a column of one type, since parquet has no others.

    Whole numbers and booleans keep their type where some are missing; mixed values become text.
    """
    import pandas as pd

    types = {type(value) for value in values if value is not None}
    large = any(type(value) is int and abs(value) >= 2**63 for value in values)
    if large or (len(types) > 1 and not types <= {int, float}):
        return pd.Series([None if value is None else str(value) for value in values])
    gaps = None in values
    if types == {int} and gaps:
        return pd.Series(values, dtype="Int64")
    return pd.Series(values, dtype="boolean" if types == {bool} and gaps else None)


def _ordered(names: Sequence[str]) -> list[str]:
    parameters = [n for role in FIRST for n in names if n.startswith(f"{role}.")]
    yardsticks = [n for n in names if YARDSTICK.fullmatch(n)]
    known = {*FIRST, *COUNTS, *LAST, *parameters, *yardsticks}
    metrics = [n for n in names if n not in known]
    order = (*FIRST, *parameters, *COUNTS, *metrics, *yardsticks, *LAST)
    return [n for n in order if n in names]


def _scalar(value: Any) -> Any:
    """A value as a table cell: numbers JSON doesn't know as such, lists and mappings as text."""
    if isinstance(value, str):
        if value in NOT_JSON:
            return NOT_JSON[value]
        # A lone surrogate fits into no file.
        return value if value.isascii() else value.encode(errors="backslashreplace").decode()
    return json.dumps(value) if isinstance(value, list | dict) else value


def _json(value: Any) -> bytes:
    return json.dumps(_encoded(value), indent=1, allow_nan=False).encode()


def _encoded(value: Any) -> Any:
    """A value as JSON; NaN and infinities by their names, what isn't JSON as text."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case Mapping():
            return {str(k): _encoded(v) for k, v in value.items()}
        case list() | tuple():
            return [_encoded(v) for v in value]
        case bool() | int() | float() | str() | None:
            return value
        case _:
            return str(value)
