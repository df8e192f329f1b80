"""Tables as compact JSON: a constant once, repeated words by number."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from scorebench.report.numbers import printable

EXACT = 2**53  # the largest integer up to which a script's numbers have all


def columnar(table: pd.DataFrame) -> dict[str, Any]:
    """A table for the page's script: ``length``, and ``columns`` by name.

    A column is ``{"value": …}``, ``{"words": […], "codes": […]}`` or ``{"values": […]}``. What
    isn't finite is null; integers that a script would round are texts.
    """
    columns = {printable(str(name)): _column(table[name]) for name in table}
    return {"length": len(table), "columns": columns}


def _column(series: pd.Series[Any]) -> dict[str, Any]:
    values = [_scalar(v) for v in series.tolist()]
    # By type too: 1 and True are equal, yet read differently.
    codes: dict[tuple[type, Any], int] = {}
    numbers = [codes.setdefault((type(v), v), len(codes)) for v in values]
    words = [word for _, word in codes]
    if len(words) == 1:
        return {"value": words[0]}
    if len(words) <= len(values) / 3:
        return {"words": words, "codes": numbers}
    return {"values": values}


def _scalar(value: Any) -> str | int | float | bool | None:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, int) and abs(value) <= EXACT:
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) <= EXACT else value
    return printable(str(value))
