"""Results directories, and tables made elsewhere, as a report reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from scorebench.errors import UserError
from scorebench.report.bare_table import directions, read_bare_table
from scorebench.report.numbers import parameter, printable
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
    """

    name: str
    folder: Path | None
    table: pd.DataFrame
    better: Mapping[str, str]
    planned: int
    settings: Mapping[str, str]
    arguments: Sequence[str] = ()
    started_in: str = ""

    def cell_file(self, kind: str, fingerprint: object, suffix: str) -> Path | None:
        """Where a cell's file of a kind (``cells``, ``images``, ``trajectories``) would be.

        None where there is no such place: of a table made elsewhere, or by a fingerprint that is
        none and might lead out of the directory.
        """
        if self.folder is None or not re.fullmatch(r"[0-9a-f]+", str(fingerprint)):
            return None
        return self.folder / kind / f"{fingerprint}{suffix}"


def read(paths: Sequence[Path]) -> list[Results]:
    """Read one or more results directories, or ``.csv`` and ``.parquet`` tables.

    Raises:
        UserError: one is neither, is no table to report on, or is given twice.
    """
    places = [path.resolve() for path in paths]
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
    table = table.rename(columns=printable)
    better = {printable(metric): way for metric, way in plan["better"].items()}
    return Results(
        name,
        folder,
        table,
        better,
        planned=len(plan["cells"]),
        settings=_settings(folder),
        arguments=plan.get("arguments", ()),
        started_in=plan.get("started_in", ""),
    )


def _settings(folder: Path) -> dict[str, str]:
    try:
        suite = yaml.safe_load((folder / "suite.yaml").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        suite = None
    if not isinstance(suite, dict):
        return {}
    settings = {}
    for key, default in (("dataset", "none"), ("reference", "dataset"), ("features", "none")):
        name, parameters = _component(suite.get(key, default))
        settings[key] = f"{name} ({parameters})" if parameters else name
    metrics = suite.get("metrics")
    for metric in metrics if isinstance(metrics, list) else []:
        name, parameters = _component(metric)
        settings[f"metric {name}"] = parameters or "defaults"
    return settings


def _component(given: Any) -> tuple[str, str]:
    """The name of a component in a suite, and its parameters, e.g. ``split train``."""
    if not isinstance(given, dict):
        return parameter(given), ""
    rest = (f"{k} {parameter(v)}" for k, v in sorted(given.items(), key=str) if k != "name")
    return parameter(given.get("name")), ", ".join(rest)
