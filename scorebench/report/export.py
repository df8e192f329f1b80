"""Reports as files for other programs: tables of numbers, and tables to print."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import infer_dtype, is_numeric_dtype

from scorebench.atomic import write_atomically
from scorebench.errors import UserError
from scorebench.report.latex import latex
from scorebench.report.layout import Grid
from scorebench.report.markdown import markdown
from scorebench.report.numbers import printable

FORMULA = ("=", "+", "-", "@")  # a spreadsheet runs text that begins like this


SUFFIXES = (".csv", ".md", ".tex", ".parquet", ".json")


def check_suffix(path: Path) -> None:
    """Make sure that a report can be written under this name.

    Raises:
        UserError: it can't.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"--export: {path} should end in {', '.join(SUFFIXES[:-1])} or .json")


def export(path: Path, *, frame: pd.DataFrame, grids: Sequence[tuple[str, Grid]]) -> None:
    """Write a report to a file; its suffix names the format.

    Args:
        path: ends in ``.csv``, ``.parquet`` or ``.json``, which get the frame, or in ``.md`` or
            ``.tex``, which get the grids.
        frame: without its index.
        grids: each with its caption, which may be empty.

    Raises:
        UserError: the suffix is another, or the file can't be written.
    """
    check_suffix(path)
    match path.suffix.lower():
        case ".csv":
            content = _csv(frame)
        case ".parquet":
            content = _parquet(frame)
        case ".json":
            content = _json(frame)
        case ".md":
            content = markdown(grids).encode()
        case _:
            content = latex(grids).encode()
    try:
        write_atomically(path, content)
    except OSError as error:
        raise UserError(f"--export: {path} can't be written: {error.strerror}") from None


def _csv(frame: pd.DataFrame) -> bytes:
    inert = {
        _inert(str(name)): values if is_numeric_dtype(values) else values.map(_inert)
        for name, values in frame.items()
    }
    return pd.DataFrame(inert).to_csv(index=False).encode()


def _inert(value: Any) -> Any:
    """A text in one line that no spreadsheet takes for a formula; everything else as it is."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.startswith(FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _json(frame: pd.DataFrame) -> bytes:
    """Rows as objects; null where a number is missing or not finite."""
    known = frame.notna() & ~frame.isin([math.inf, -math.inf])
    rows = frame.astype(object).where(known, None).to_dict("records")
    return json.dumps(rows, indent=1, allow_nan=False, default=str).encode()


def _parquet(frame: pd.DataFrame) -> bytes:
    """Columns of values of several types become text, since parquet has no others."""
    uniform = {
        str(name): values.map(str, na_action="ignore") if _is_mixed(values) else values
        for name, values in frame.items()
    }
    return pd.DataFrame(uniform).to_parquet(index=False)


def _is_mixed(values: pd.Series[Any]) -> bool:
    return infer_dtype(values) in ("mixed", "mixed-integer")
