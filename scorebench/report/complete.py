"""Tables made fit for a report: with names that it can show, and the columns that it needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from scorebench.errors import UserError
from scorebench.report.columns import RESULTS
from scorebench.report.numbers import printable
from scorebench.store import FIRST

DEFAULTS: Mapping[str, str | float | None] = {
    "model": None,
    "schedule": None,
    "sampler": None,
    "samples": math.nan,
    "nfe": math.nan,
    "status": "ok",
    "error": None,
    "seconds": math.nan,
    "device": None,
    "environment": None,
    "fingerprint": None,
}


def own_name(column: str) -> str:
    """What a report calls a column: printable, and not as one that it adds itself."""
    return f"{RESULTS}_" if column == RESULTS else printable(column)


def renamed(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """A table whose columns are called as in a report.

    Args:
        table: whatever it holds.
        path: where it is from.

    Raises:
        UserError: two columns would be called the same.
    """
    table = table.rename(columns=own_name)
    if (twice := table.columns.duplicated()).any():
        raise UserError(f"{path}: two columns are called {table.columns[twice][0]}")
    return table


def completed(table: pd.DataFrame, suite: str) -> pd.DataFrame:
    """A table with all columns that a report needs, except for seeds; missing is what isn't known.

    Args:
        table: its rows, which ended ok unless it says something else.
        suite: what they are of, if they don't say so.
    """
    lacking = {c: v for c, v in {"suite": suite, **DEFAULTS}.items() if c not in table}
    table = table.assign(**lacking)
    return table[[*FIRST, *(c for c in table if c not in FIRST)]]
