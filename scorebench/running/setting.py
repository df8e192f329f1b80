"""Settings of a process that can be read and put back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """How a setting is read and how it is set."""

    get: Callable[[], Any]
    put: Callable[[Any], object]

    def read(self) -> Any:
        """Its value; None if it can't be told."""
        try:
            return self.get()
        except Exception:
            return None

    def holds(self, value: Any) -> bool:
        """Whether it is known to have a value."""
        try:
            return bool(self.get() == value)
        except Exception:
            return False

    def write(self, value: Any) -> None:
        """Set it, unless it is so already: some are slow to set."""
        if not self.holds(value):
            self.put(value)


def restore(settings: Mapping[str, Setting], values: Mapping[str, Any]) -> None:
    """Set settings to values that were read of them; what can't be told or set is left."""
    for name, value in values.items():
        if value is not None:
            with contextlib.suppress(Exception):
                settings[name].write(value)
