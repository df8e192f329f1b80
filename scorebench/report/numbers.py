"""Numbers and parameters as text, for people to read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

MISSING = "–"
LARGE, SMALL = 1e6, 1e-4  # beyond these: scientific notation
MOST_PLACES = 6


def parameter(value: Any) -> str:
    """A parameter or name as its shortest text; equal values of different types read the same."""
    if value is None:
        return MISSING
    if isinstance(value, float):
        return _number(float(value))
    text = str(value)
    if text in ("True", "False"):
        return text.lower()
    return printable(text)


def printable(text: str) -> str:
    """Text from a file, with control characters and lone surrogates escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def count(number: float | None) -> str:
    """A number of things, e.g. ``1,797``; a mean of such with one decimal."""
    if number is None or math.isnan(number):
        return MISSING
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def rounded(value: float, error: float = math.nan, digits: int = 4) -> str:
    """A value to the last of two significant digits of its standard error.

    Args:
        value: what to write.
        error: its standard error; without a positive one, ``digits`` count.
        digits: significant digits then.
    """
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if not 0 < error < math.inf:
        error = 0.0
    size = max(abs(value), error)
    if size == 0:
        return "0"
    if not SMALL <= size < LARGE:
        return _scientific(value, digits - 1)
    places = _places(error) if error else digits - 1 - _exponent(value, digits - 1)
    return _fixed(value, min(places, MOST_PLACES) if error else max(places, 0))


def estimate(mean: float, error: float) -> tuple[str, str]:
    """A mean and its standard error; the latter is empty where it isn't known, or no number."""
    value = rounded(mean, error)
    if not (math.isfinite(error) and math.isfinite(mean)):
        return value, ""
    if error == 0:
        return value, "0"
    fixed = "e" not in value and _places(error) <= MOST_PLACES
    return value, _fixed(error, _places(error)) if fixed else _scientific(error, 1)


def aligned(estimates: Sequence[tuple[str, str]]) -> list[str]:
    """Estimates as one column of text, in which the ± stand below one another."""
    left = max((len(value) for value, _ in estimates), default=0)
    right = max((len(error) for _, error in estimates), default=0)
    if right == 0:
        return [value for value, _ in estimates]
    return [
        f"{value:>{left}} ± {error:<{right}}" if error else f"{value:>{left}}{'':{right + 3}}"
        for value, error in estimates
    ]


def _number(value: float) -> str:
    if math.isnan(value):
        return MISSING
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = repr(value)
    return _short_exponent(text) if "e" in text else text


def _scientific(value: float, places: int) -> str:
    return _short_exponent(f"{value:.{places}e}")


def _short_exponent(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}"


def _exponent(value: float, places: int) -> int:
    """The power of ten of a value once it is rounded to so many places."""
    return int(f"{value:.{places}e}".partition("e")[2])


def _places(error: float) -> int:
    """How many decimal places show two significant digits of an error; below 0: tens, …"""
    return 1 - _exponent(error, 1)


def _fixed(value: float, places: int) -> str:
    return f"{round(value, places):.{max(places, 0)}f}"
