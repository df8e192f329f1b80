"""Columns of a ``.csv`` or ``.parquet`` file, in the types that a results directory's table has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from scorebench.errors import UserError
from scorebench.report.numbers import printable
from scorebench.store import FIRST

SUFFIXES = (".csv", ".parquet")
MOST_COLUMNS, MOST_ROWS = 10_000, 10_000_000
INDEX = re.compile(r"|Unnamed: \d+|__index_level_\d+__")  # as pandas writes one
TEXTS = (*FIRST, "status", "error", "device", "environment", "fingerprint", "finished")
TEXT = re.compile(rf"{'|'.join(TEXTS)}|features|reference|.*_digest|.*\.yardstick")
TRUTH = {"True": True, "False": False, "TRUE": True, "FALSE": False, "true": True, "false": False}
NO_NUMBER = ("", "nan", "NaN", "NA", "N/A", "None", "null", "NULL", "-", "–")
DIGEST = re.compile(r"0\d+|\d{20,}|\d+e\d{3,}")  # that happens to have digits only, or one e


def read_table_file(path: Path) -> pd.DataFrame:
    """Read a table, without the index that pandas may have written.

    A column of a ``.csv`` is of numbers if all its cells are but those that are empty, ``nan``,
    ``NA`` and the like. In other columns an empty cell is None, and all else is text; if it is
    nothing but ``True`` and ``False``, they are truth values.

    Args:
        path: its suffix, one of ``SUFFIXES``, may be in capital letters.

    Raises:
        UserError: there is no such file, it can't be read, or two columns have the same name.
    """
    from pyarrow import ArrowException

    suffix = path.suffix.lower()
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        table = _csv(path) if suffix == ".csv" else _parquet(path)
    except (OSError, ValueError, MemoryError, ArrowException) as error:
        why = printable(str(error).strip().partition("\n")[0])
        raise UserError(f"{path}: can't be read as a {suffix} table: {why}") from None
    names = pd.Index([str(name).strip() for name in table])
    table = table.set_axis(names, axis=1).loc[:, [not INDEX.fullmatch(name) for name in names]]
    if (twice := table.columns.duplicated()).any():
        raise UserError(f"{path}: two columns are called {printable(table.columns[twice][0])}")
    read = _from_text if suffix == ".csv" else _not_numbers
    return pd.DataFrame({name: read(name, table[name]) for name in map(str, table)}, table.index)


def _csv(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
    separator = ";" if ";" in header and "," not in header else ","
    _check_size(columns=header.count(separator) + 1)
    table = pd.read_csv(
        path,
        sep=separator,
        header=None,  # with one, pandas would rename columns of the same name
        dtype=str,
        keep_default_na=False,
        skipinitialspace=True,
        encoding="utf-8-sig",
    )
    return table[1:].set_axis(table.iloc[0], axis=1).reset_index(drop=True)


def _parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        _check_size(columns=file.metadata.num_columns, rows=file.metadata.num_rows)
        read = file.read()
    for i, field in enumerate(read.schema):
        if pa.types.is_decimal(field.type):  # to pandas they are no numbers
            read = read.set_column(i, field.name, read[i].cast(pa.float64()))
    # What pandas notes in a file beside its columns may be of no sense.
    table: pd.DataFrame = read.replace_schema_metadata(None).to_pandas()
    return table


def _check_size(*, columns: int, rows: int = 0) -> None:
    """Raise ValueError for a table that would take hours to read, or all memory."""
    if columns > MOST_COLUMNS or rows > MOST_ROWS:
        raise ValueError(f"it has more than {MOST_COLUMNS:,} columns or {MOST_ROWS:,} rows")


def _from_text(name: str, cells: pd.Series[str]) -> pd.Series[Any]:
    numbers = None if TEXT.fullmatch(name) else _numbers(cells)
    return _not_numbers(name, cells.mask(cells == "")) if numbers is None else numbers


def _numbers(cells: pd.Series[str]) -> pd.Series[Any] | None:
    given = cells.mask(cells.isin(NO_NUMBER))
    try:
        numbers = pd.to_numeric(given)
    except ValueError:
        return None
    return None if given.str.fullmatch(DIGEST).any() else numbers


def _not_numbers(name: str, cells: pd.Series[Any]) -> pd.Series[Any]:
    text = TEXT.fullmatch(name)
    if pd.api.types.is_numeric_dtype(cells) and not text:
        return cells
    given = cells.notna()
    if not given.any():
        return pd.Series(None, cells.index, dtype=object)
    if not pd.api.types.is_string_dtype(cells):
        cells = cells.map(str, na_action="ignore")
    if not text and {*cells[given].unique()} <= {*TRUTH}:
        return cells.map(TRUTH).astype("boolean")
    return cells
