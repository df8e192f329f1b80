"""The type of a parameter that bounds the data."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, FiniteFloat


def _increasing(bounds: tuple[float, float]) -> tuple[float, float]:
    if not bounds[0] < bounds[1]:
        raise ValueError("the lower bound must be below the upper")
    return bounds


ValueRange = Annotated[tuple[FiniteFloat, FiniteFloat], AfterValidator(_increasing)]
