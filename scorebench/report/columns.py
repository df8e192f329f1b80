"""What the columns of a table are: those that name a configuration, and those measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from scorebench.report.numbers import MISSING, parameter
from scorebench.store import COUNTS, FIRST, LAST

ROLES = ("model", "schedule", "sampler")
COSTS: Mapping[str, str] = {"nfe": "lower", "seconds": "lower"}


@dataclass(frozen=True)
class Constant:
    """A column that needs no place in a table, because it says one thing.

    Attributes:
        column: its name.
        value: what it says, as text.
        owners: the components that have this parameter, where not all rows have it.
    """

    column: str
    value: str
    owners: tuple[str, ...] = ()


def identifying(table: pd.DataFrame) -> list[str]:
    """The columns in which all repeats of a configuration agree."""
    return [c for c in table if c in (*FIRST, "samples", "coupled") or _is_parameter(c)]


def metrics(table: pd.DataFrame, better: Iterable[str]) -> list[str]:
    """The metric columns, rankable ones first, without the spreads (``…_std``) of others."""
    known = {*FIRST, *COUNTS, *LAST, *better}
    others = [c for c in table if c not in known and not _is_parameter(c)]
    names = [*better, *others]
    return [n for n in names if n.removesuffix("_std") not in {*names} - {n}]


def texts(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Those columns as text; values that people would call equal are equal texts."""
    return pd.DataFrame(
        {c: list(map(parameter, table[c])) for c in columns}, table.index, dtype=str
    )


def numbers(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Those columns as floating-point numbers, NaN where there is none."""
    wanted = {c: table[c] if c in table else None for c in columns}
    return pd.DataFrame(
        {c: pd.to_numeric(v, errors="coerce") for c, v in wanted.items()}, table.index, dtype=float
    )


def split(configurations: pd.DataFrame) -> tuple[list[str], list[Constant]]:
    """Columns in which configurations (as texts) differ, and the constant rest.

    A parameter that has one value wherever there is one, and that the component's name alone
    tells whether there is one, counts as constant. A lone configuration varies in its sampler, so
    that it has a name.
    """
    varying, constants = [], []
    for column in configurations:
        values = configurations[column]
        given = values != MISSING
        value = values[given].iloc[0] if given.any() else MISSING
        if not given.any():
            continue
        if values[given].nunique() > 1:
            varying.append(column)
        elif given.all():
            constants.append(Constant(column, value))
        elif _is_parameter(column) and not (
            _owners(configurations, column, given) & _owners(configurations, column, ~given)
        ):
            owners = _owners(configurations, column, given)
            constants.append(Constant(column, value, tuple(sorted(owners))))
        else:
            varying.append(column)
    if not varying:
        return ["sampler"], [c for c in constants if c.column != "sampler"]
    return varying, constants


def describe(configuration: Mapping[str, str], columns: Iterable[str]) -> str:
    """A configuration in one line, e.g. ``heun · schedule.n 10``."""
    told = [
        configuration[c] if c in FIRST else f"{c} {configuration[c]}"
        for c in columns
        if configuration[c] != MISSING
    ]
    return " · ".join(told)


def _is_parameter(column: str) -> bool:
    return column.partition(".")[0] in ROLES and "." in column


def _owners(configurations: pd.DataFrame, column: str, rows: pd.Series[bool]) -> set[str]:
    return set(configurations[column.partition(".")[0]][rows])
