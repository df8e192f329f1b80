"""What a check of the conformance kit is, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from scorebench.running.context import Context


@dataclass(frozen=True)
class Outcome:
    """What one check found.

    Attributes:
        check: what was checked, e.g. ``"batch invariance"``.
        passed: None where nothing was asserted and the message is for information.
        message: one line in plain words, with numbers, also where the check passed.
    """

    check: str
    passed: bool | None
    message: str


# Takes a component and the context to try it in; its name, with spaces for underscores, is its
# outcome's.
Check: TypeAlias = "Callable[[Any, Context], Outcome]"
