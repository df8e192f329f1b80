"""Results directories as a report reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from scorebench.errors import UserError
from scorebench.report.numbers import parameter, printable
from scorebench.store import Store, assemble

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Results:
    """What a results directory holds.

    Attributes:
        name: what to call it; no two of a report are called the same.
        table: a row for every finished cell; at least one.
        better: for each metric column that can be ranked, ``lower`` or ``higher``.
        planned: how many cells the suite has.
        settings: what, beside its configuration, a row's metrics depend on: the dataset,
            reference and features, and the parameters of each metric.
    """

    name: str
    table: pd.DataFrame
    better: Mapping[str, str]
    planned: int
    settings: Mapping[str, str]


def read(folders: Sequence[Path]) -> list[Results]:
    """Read one or more results directories.

    Raises:
        UserError: one is not a results directory, has no finished cell, or is given twice.
    """
    places = [folder.resolve() for folder in folders]
    for i, place in enumerate(places):
        if place in places[:i]:
            raise UserError(f"{folders[i]} is given twice")
    short = [place.name for place in places]
    unique = len(set(short)) == len(short)
    names = short if unique else [str(folder) for folder in folders]
    return [_read(folder, printable(n)) for folder, n in zip(folders, names, strict=True)]


def _read(folder: Path, name: str) -> Results:
    store = Store(folder)
    plan = store.plan()
    cells = plan["cells"]
    table = assemble(plan, store.finished(cell["fingerprint"] for cell in cells))
    table = table.rename(columns=printable)
    if table.empty:
        raise UserError(f"{folder}: none of its {len(cells)} cells has finished yet")
    better = {printable(metric): way for metric, way in (plan.get("better") or {}).items()}
    return Results(name, table, better, len(cells), _settings(folder))


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
