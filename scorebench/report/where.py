"""The rows of a table for which a condition holds, e.g. ``sampler == "heun" and nfe < 50``."""

from __future__ import annotations

import ast
import functools
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from scorebench.errors import UserError
from scorebench.report import columns
from scorebench.report.numbers import printable
from scorebench.report.values import Mask, Values, column, equal, literal, ordered

WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "none": None}
ORDERS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
SUPPORTED = (
    'write columns, numbers, "texts", true, false, none; == != < <= > >=, in [...]; '
    "and, or, not, ( )"
)
LONGEST = 40  # characters of a condition that an error repeats


def where(table: pd.DataFrame, condition: str) -> pd.DataFrame:
    """The rows for which a condition holds.

    It is written as in Python: columns by name (``schedule.n``, or ``n`` if no other column ends
    so), numbers, texts in quotes, ``true``, ``false`` and ``none``; ``== != < <= > >=``, also
    chained, and ``in`` and ``not in`` a list; ``and``, ``or``, ``not`` and parentheses. A column of
    truth values is a condition by itself. It is parsed, and never executed.

    Texts are compared as a report shows them, with a number by what number they are. A missing
    value is equal to nothing but ``none``, and neither below nor above anything.

    Args:
        table: as a results directory gives it.
        condition: what to look for.

    Raises:
        UserError: it is no such condition, names an unknown column, or orders what has no order.
    """
    condition = condition.strip()
    try:
        parsed = _parsed(condition)
        return table[_Rows(table, condition).hold(parsed)]
    except (RecursionError, MemoryError):
        raise UserError("--where: the condition is nested too deeply") from None


def _parsed(condition: str) -> ast.expr:
    if "\n" in condition or "\r" in condition:
        raise UserError("--where: write the condition in one line")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # e.g. of a backslash in a text
            return ast.parse(condition, mode="eval").body
    except SyntaxError as error:
        what, at = re.split(r"[.:] | \(detected", error.msg)[0], error.offset
    except ValueError:  # half a surrogate pair, which no source can have
        what, at = "invalid character", None
    if at:
        what += f" at character {at}: {_shortened(condition[at - 1 :])}"
    elif at == 0:
        what += " at its end"
    told = "write == for equality" if at and condition[at - 1 : at] == "=" else SUPPORTED
    raise UserError(f"--where: {what}; {told}")


class _Rows:
    """Goes through a condition; each part of it is a value, or true or false, for every row."""

    def __init__(self, table: pd.DataFrame, condition: str) -> None:
        self.table = table
        self.condition = condition.encode()

    def hold(self, node: ast.expr) -> Mask:
        match node:
            case ast.BoolOp():
                join = operator.and_ if isinstance(node.op, ast.And) else operator.or_
                return functools.reduce(join, map(self.hold, node.values))
            case ast.UnaryOp(op=ast.Not()):
                return ~self.hold(node.operand)
            case ast.Compare():
                sides = [node.left, *node.comparators]
                links = map(self._compared, sides, node.ops, sides[1:])
                return functools.reduce(operator.and_, links)
        values = self._values(node)
        if values.kind != "truth" and values.given.any():
            raise UserError(
                f"--where: {values.told} is neither true nor false; compare it with something"
            )
        return values.true

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Mask:
        match op:
            case ast.Eq():
                return equal(self._values(left), self._values(right))
            case ast.NotEq():
                return ~equal(self._values(left), self._values(right))
            case ast.In():
                return self._among(left, right)
            case ast.NotIn():
                return ~self._among(left, right)
            case ast.Is() | ast.IsNot():
                raise UserError("--where: write == for is, and != for is not")
        return ordered(self._values(left), self._values(right), ORDERS[type(op)])

    def _among(self, left: ast.expr, right: ast.expr) -> Mask:
        if not isinstance(right, ast.List | ast.Tuple):
            raise UserError(f"--where: in takes a list, such as [1, 2], not {self._told(right)}")
        values = self._values(left)
        found = (equal(values, self._values(element)) for element in right.elts)
        return functools.reduce(operator.or_, found, np.zeros(len(self.table), dtype=bool))

    def _values(self, node: ast.expr) -> Values:
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str() as value):
                return literal(self._told(node), value, len(self.table))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return literal(self._told(node), -value, len(self.table))
            case ast.Name() if node.id in WORDS:
                return literal(node.id, WORDS[node.id], len(self.table))
            case ast.Name() | ast.Attribute():
                return self._column(node)
        raise self._unsupported(node)

    def _column(self, node: ast.expr) -> Values:
        parts: list[str] = []
        end = node
        while isinstance(end, ast.Attribute):
            parts.insert(0, end.attr)
            end = end.value
        if not isinstance(end, ast.Name):
            raise self._unsupported(node)
        name = ".".join([end.id, *parts])
        try:
            (found,) = columns.named([name], list(map(str, self.table)), "--where")
        except UserError as error:
            quotes = "" if parts else f' (a text needs quotes: "{name}")'
            raise UserError(f"{error}{quotes}") from None
        return column(self.table, found)

    def _unsupported(self, node: ast.expr) -> UserError:
        return UserError(f"--where: {self._told(node)} can't stand here; {SUPPORTED}")

    def _told(self, node: ast.expr) -> str:
        # ast.get_source_segment goes through the whole condition every time.
        return _shortened(self.condition[node.col_offset : node.end_col_offset].decode())


def _shortened(text: str) -> str:
    text = printable(text[: LONGEST + 1])
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
