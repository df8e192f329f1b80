"""Columns and literals as they are compared: numbers as numbers, all else as the text shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scorebench.errors import UserError
from scorebench.report.numbers import parameter

Kind = Literal["number", "text", "truth", "none"]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Values:
    """One value for each row of a table.

    Attributes:
        told: what to call them.
        kind: what they are; ``truth`` is true or false, a ``text`` may still be a number, and
            ``none`` is the literal that missing values are equal to.
        cells: numbers, or else texts; NaN or None where one is missing.
    """

    told: str
    kind: Kind
    cells: NDArray[np.object_]

    @property
    def given(self) -> Mask:
        """Where there is a value."""
        return np.asarray(pd.notna(self.cells), dtype=bool)

    @property
    def true(self) -> Mask:
        """Where the value is true."""
        return np.asarray(self.cells == "true", dtype=bool)

    @property
    def numbers(self) -> NDArray[np.object_]:
        """Python's own numbers, which it compares exactly; NaN for what is none."""
        if self.kind == "number":
            return self.cells
        return np.array([_number(cell) for cell in self.cells], dtype=object)


def literal(told: str, value: object, rows: int) -> Values:
    """The same number, text, truth value or None for every row."""
    kind: Kind = "number"
    if value is None:
        kind = "none"
    elif isinstance(value, bool | str):
        kind = "text" if isinstance(value, str) else "truth"
        value = parameter(value)
    return Values(told, kind, np.full(rows, value, dtype=object))


def column(table: pd.DataFrame, name: str) -> Values:
    """A column of a table; texts that are all true or false are truth values."""
    cells, given = table[name], table[name].notna().to_numpy()
    plain = cells.astype(object).to_numpy()
    number = pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)
    if number or not given.any():
        return Values(name, "number", np.where(given, plain, np.nan))
    texts = [parameter(value) if g else None for value, g in zip(plain, given, strict=True)]
    kind: Kind = "truth" if {*texts} <= {"true", "false", None} else "text"
    return Values(name, kind, np.array(texts, dtype=object))


def equal(left: Values, right: Values) -> Mask:
    """Where two values are equal; a missing one is to ``none`` only.

    Whatever is compared with a number counts as one, if it is, and is unequal to it otherwise.
    """
    kinds = (left.kind, right.kind)
    if "none" in kinds:
        return ~(left.given | right.given)
    if "number" in kinds:
        return np.asarray(left.numbers == right.numbers, dtype=bool)
    same: Mask = np.asarray(left.cells == right.cells, dtype=bool)
    return same & left.given


def ordered(left: Values, right: Values, holds: Callable[[Any, Any], Any]) -> Mask:
    """Where ``holds``, one of ``< <= > >=``, is true of two numbers, or of two texts.

    Raises:
        UserError: one side is neither, or no text on one side is a number as the other side's are.
    """
    for values in (left, right):
        if values.kind in ("none", "truth"):
            raise UserError(f"--where: {values.told} has no order; compare it by == or !=")
    cells = [left.cells, right.cells]
    if "number" in (left.kind, right.kind):
        cells = [left.numbers, right.numbers]
        for values, numbers, other in zip((left, right), cells, (right, left), strict=True):
            if (values.given & other.given).any() and pd.isna(numbers).all():
                raise UserError(
                    f"--where: {values.told} is text and {other.told} a number, which have no "
                    "order; compare them by == or !="
                )
    mask: Mask = np.asarray(pd.notna(cells[0]) & pd.notna(cells[1]), dtype=bool)
    mask[mask] = holds(*(side[mask] for side in cells))
    return mask


def _number(text: str | None) -> float:
    for read in (int, float):
        try:
            return read(text or "")
        except ValueError:
            pass
    return math.nan
