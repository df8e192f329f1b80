"""The interface of an engine, and the engines there are."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from scorebench.errors import UserError, did_you_mean
from scorebench.running.cell import Cell, Result
from scorebench.running.workbench import Workbench


class Engine(Protocol):
    """Runs cells in any order and yields each with its result as it ends.

    A cell's failure is its result; only KeyboardInterrupt leaves an engine.
    """

    def run(self, bench: Workbench, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Result]]:
        """Run all cells; ``bench`` is the driver's, and other processes make their own."""
        ...


ENGINES: Mapping[str, str] = {"inline": "scorebench.engine.inline:InlineEngine"}


def make_engine(name: str) -> Engine:
    """An engine by name.

    Raises:
        UserError: there is none of that name.
    """
    if name not in ENGINES:
        raise UserError(f"unknown engine {name!r}{did_you_mean(name, ENGINES)}")
    module, _, attribute = ENGINES[name].partition(":")
    engine: Engine = getattr(importlib.import_module(module), attribute)()
    return engine
