"""A table made elsewhere, completed to one as a results directory gives it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from scorebench.errors import UserError, did_you_mean
from scorebench.report import columns
from scorebench.report.complete import completed, renamed
from scorebench.report.numbers import printable
from scorebench.report.table_file import TEXTS, read_table_file
from scorebench.store import COUNTS, LAST, YARDSTICK

BETTER: Mapping[str, str] = {
    "fid": "lower",
    "fid_infinity": "lower",
    "kid": "lower",
    "kid_full": "lower",
    "inception_score": "higher",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    "vendi": "higher",
    "authenticity": "higher",
    "mean_error": "lower",
    "mode_weight_error": "lower",
    "score_error": "lower",
    "score_error_relative": "lower",
    "fisher_divergence": "lower",
    "dsm_loss": "lower",
}
LEVEL = re.compile(r"(score_error|dsm_loss)_\d[\dpem]*")  # at one noise level
NUMBERS = {*COUNTS, *LAST} - {*TEXTS, "coupled"}


def read_bare_table(path: Path) -> pd.DataFrame:
    """Read a table that doesn't come with its results directory.

    It has a column ``sampler``, one of those in ``BETTER``, and parameters in columns named as in
    results directories, such as ``sampler.steps``. Rows without a ``status`` ended ok. Without
    ``seed`` and ``repeat``, rows of one configuration are its repeats, numbered from 0; their seeds
    aren't known where there are several, and 0 for a lone one.

    Args:
        path: a ``.csv`` or ``.parquet`` file, perhaps without rows.

    Returns:
        The same rows, with all columns that a report needs.

    Raises:
        UserError: it can't be read, lacks a column, has texts for numbers, seeds that aren't whole
            numbers, a seed twice, or rows for repeats that can be none.
    """
    table = renamed(read_table_file(path), path)
    names = list(map(str, table))
    if "sampler" not in names:
        raise UserError(f"{path}: there is no column sampler{did_you_mean('sampler', names)}")
    metrics = directions(names)
    if not metrics:
        raise UserError(
            f"{path}: no column is a metric that is known to be better lower or higher; "
            f"known: {', '.join(sorted(BETTER))}"
        )
    for name in names:
        if name in NUMBERS | metrics.keys():
            _check_numbers(path, table[name])
    table = completed(table, path.stem)
    status = table["status"].fillna("ok")
    table["status"] = status.where(status.str.strip().str.lower() != "ok", "ok")
    return _with_seeds(path, table)


def directions(names: Iterable[str]) -> dict[str, str]:
    """The metrics known among columns, and for each which is better, ``lower`` or ``higher``."""
    known = {name: "lower" if LEVEL.fullmatch(name) else BETTER.get(name) for name in names}
    return {name: way for name, way in known.items() if way}


def _check_numbers(path: Path, cells: pd.Series[Any]) -> None:
    texts = cells.dropna()
    number = pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)
    if number or texts.empty:
        return
    worst = texts[pd.to_numeric(texts, errors="coerce").isna()]
    told = printable(str([*worst, *texts][0]))
    raise UserError(f"{path}: column {cells.name} should have numbers only, but has {told!r}")


def _with_seeds(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    yardsticks = [name for name in map(str, table) if YARDSTICK.fullmatch(name)]
    rows = columns.texts(table, [*columns.identifying(table), *yardsticks])
    if not (given := [name for name in ("seed", "repeat") if name in table]):
        configuration = rows.groupby(list(rows), sort=False)
        _check_repeats(path, table, configuration.ngroup())
        lone = ~rows.duplicated(keep=False)
        # Their numbers tell nothing of their noise: they must not be paired by them.
        seeds = pd.Series(0, table.index).where(lone)
        return table.assign(seed=seeds, repeat=configuration.cumcount())
    seeds = columns.numbers(table, given)[given[0]]
    if not ((seeds % 1 == 0) & (seeds.abs() < 2**62)).all():
        raise UserError(f"{path}: column {given[0]} should have a whole number in every row")
    rows["seed"] = table[given[0]].astype("int64")
    if (twice := rows.duplicated()).any():
        second = int(twice.argmax())
        first = int((rows == rows.iloc[second]).all(axis=1).argmax())
        raise UserError(
            f"{path}: rows {first + 1} and {second + 1} have one configuration and seed "
            f"{rows['seed'].iloc[second]}; parameters have columns named as in sampler.steps"
        )
    table = table.assign(seed=rows["seed"])
    return table if "repeat" in table else table.assign(repeat=rows["seed"])


def _check_repeats(path: Path, table: pd.DataFrame, configuration: pd.Series[int]) -> None:
    """Rows that say different things in words are hardly repeats of one another."""
    said = [name for name in table.select_dtypes(exclude="number") if name not in TEXTS]
    for name in map(str, said):
        if (table[name].groupby(configuration).nunique(dropna=False) > 1).any():
            raise UserError(
                f"{path}: rows of one configuration differ in {name}; name it sampler.{name}, "
                "model.… or schedule.… if it is a parameter, or give repeats a column seed"
            )
