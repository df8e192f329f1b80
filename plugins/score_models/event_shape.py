"""The type of a parameter that says what one sample looks like."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt, MinLen

EventShape = Annotated[tuple[Annotated[int, Gt(0)], ...], MinLen(1)]
