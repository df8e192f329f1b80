"""What the columns of a table are: those that name a configuration, and those measured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from scorebench.errors import UserError, did_you_mean
from scorebench.report.numbers import MISSING, count, parameter
from scorebench.store import COUNTS, FIRST, LAST, YARDSTICK

ROLES = ("model", "schedule", "sampler")
RESULTS = "results"  # in a table of several: whose a row is
COSTS: Mapping[str, str] = {"nfe": "lower", "seconds": "lower"}
SPREAD = re.compile("_(std|stderr)$")


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
    names = (RESULTS, *FIRST, "samples", "coupled")
    return [c for c in map(str, table) if c in names or _is_parameter(c)]


def metrics(table: pd.DataFrame, better: Iterable[str]) -> list[str]:
    """The metric columns, rankable ones first, without the spreads of others."""
    names = list(better)
    candidates = (c for c in map(str, table) if not (c in names or is_taken(c)))
    names += [c for c in candidates if _has_numbers(table[c])]
    return [n for n in names if SPREAD.sub("", n) not in {*names} - {n}]


def is_taken(column: str) -> bool:
    """Whether a column has a meaning, so that it is no metric."""
    known = column in (RESULTS, *FIRST, *COUNTS, *LAST)
    return known or _is_parameter(column) or YARDSTICK.fullmatch(column) is not None


def measured(table: pd.DataFrame, metrics: Iterable[str]) -> list[str]:
    """Those metrics, the costs, and the other columns of numbers in which repeats may differ."""
    numeric = map(str, table.select_dtypes("number", "timedelta"))
    apart = {"repeat", "seed", *identifying(table)}
    others = [c for c in numeric if not (c in apart or YARDSTICK.fullmatch(c))]
    return list(dict.fromkeys([*metrics, *COSTS, *others]))


def named(words: Iterable[str], known: Sequence[str], option: str) -> list[str]:
    """The columns that a user names, each once; parameters may come without their role.

    Args:
        words: what the user wrote.
        known: columns to choose from.
        option: where the user wrote it.

    Raises:
        UserError: there is no such column, or it could be several.
    """
    found = []
    for word in words:
        meant = [c for c in known if c == word] or [c for c in known if c.endswith(f".{word}")]
        if len(meant) > 1:
            raise UserError(f"{option}: {word!r} could be {' or '.join(meant)}")
        if not meant:
            raise UserError(f"{option}: no column {word!r}{did_you_mean(word, known)}")
        found += meant
    return list(dict.fromkeys(found))


def texts(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Those columns as text; values that people would call equal are equal texts."""
    plain = {c: table[c].astype(object).where(table[c].notna(), None) for c in columns}
    told = {c: map(count if c == "samples" else parameter, v) for c, v in plain.items()}
    return pd.DataFrame({c: list(v) for c, v in told.items()}, table.index, dtype=str)


def numbers(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Those columns as floating-point numbers, NaN where there is none."""
    measured = {c: pd.to_numeric(table[c], errors="coerce") for c in columns if c in table}
    return pd.DataFrame(measured, table.index, dtype=float).reindex(columns=list(columns))


def split(configurations: pd.DataFrame) -> tuple[list[str], list[Constant]]:
    """Columns in which configurations (as texts) differ, and the constant rest.

    A parameter that has one value wherever there is one, and that the component's name alone
    tells whether there is one, counts as constant. A lone configuration varies in its sampler, so
    that it has a name.
    """
    varying: list[str] = []
    constants = []
    for column in map(str, configurations):
        values = configurations[column].unique().tolist()
        if len(values) < 2:
            constants += [Constant(column, v) for v in values if v != MISSING]
        elif len(values) == 2 and (owners := _owners(configurations, column)):
            constants.append(Constant(column, max(values, key=MISSING.__ne__), owners))
        else:
            varying.append(column)
    if not varying:
        return ["sampler"], [c for c in constants if c.column != "sampler"]
    return varying, constants


def records(configurations: pd.DataFrame) -> list[dict[str, str]]:
    """Configurations one by one."""
    names = list(map(str, configurations))
    return [dict(zip(names, row, strict=True)) for row in configurations.itertuples(index=False)]


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


def _has_numbers(values: pd.Series[Any]) -> bool:
    numeric = pd.api.types.is_numeric_dtype(values)
    return numeric or bool(pd.to_numeric(values, errors="coerce").notna().any())


def _owners(configurations: pd.DataFrame, column: str) -> tuple[str, ...]:
    """The components that have a parameter; none if some have it in some configurations only."""
    if not _is_parameter(column):
        return ()
    given = configurations[column] != MISSING
    component = configurations[column.partition(".")[0]]
    owners = set(component[given])
    return () if given.all() or owners & set(component[~given]) else tuple(sorted(owners))
