"""How a run stands, told by what it has written, while it goes on or later."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scorebench.engine.estimate import seconds_left
from scorebench.lock import LOCK, holder
from scorebench.store import Store

LONG_AGO = datetime.datetime.min.replace(tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Status:
    """How a run stands.

    Attributes:
        plan: of the latest run, as ``Store.plan`` gives it.
        records: of the cells that have ended, by fingerprint.
        unreadable: fingerprints of cells whose files can't be read; they count as missing.
        holder: what the process that runs it tells of itself; None if nobody runs it.
    """

    plan: Mapping[str, Any]
    records: Mapping[str, Mapping[str, Any]]
    unreadable: Sequence[str]
    holder: Mapping[str, Any] | None

    @property
    def counts(self) -> dict[str, int]:
        """How many cells have ended in which way, the most frequent first."""
        return dict(Counter(r["row"]["status"] for r in self.records.values()).most_common())

    @property
    def seconds_spent(self) -> float:
        """Seconds that the cells have taken, summed over all workers."""
        spent: list[float] = [r["row"].get("seconds", 0.0) for r in self.records.values()]
        return sum(spent)

    @property
    def seconds_left(self) -> float | None:
        """Seconds to be expected until all cells have ended; None if nothing is known yet."""
        workers = self.plan.get("workers")
        number = max(workers, 1) if isinstance(workers, int) else 1
        return seconds_left(self.plan, self.records, workers=number)

    @cached_property
    def latest(self) -> list[Mapping[str, Any]]:
        """The cells of the plan that have ended, the last first."""
        ended = [cell for cell in self.plan["cells"] if cell["fingerprint"] in self.records]
        return sorted(ended, key=lambda cell: self._finished(cell) or LONG_AGO)[::-1]

    @property
    def failed(self) -> list[Mapping[str, Any]]:
        """Those of them that have not ended ok."""
        names = {name for name, r in self.records.items() if r["row"]["status"] != "ok"}
        return [cell for cell in self.latest if cell["fingerprint"] in names]

    @property
    def per_hour(self) -> float | None:
        """Cells that have ended by the hour since who runs it began; None before one has."""
        started = _time((self.holder or {}).get("started"))
        if started is None:
            return None
        times = [time for cell in self.plan["cells"] if (time := self._finished(cell))]
        since = [time for time in times if time > started]
        return len(since) * 3600 / (max(since) - started).total_seconds() if since else None

    def _finished(self, cell: Mapping[str, Any]) -> datetime.datetime | None:
        record = self.records.get(cell["fingerprint"])
        return None if record is None else _time(record["row"].get("finished"))


def status(folder: Path) -> Status:
    """How the run into a results directory stands; nothing is written, nobody disturbed.

    Raises:
        UserError: it isn't a results directory.
    """
    store = Store(folder)
    plan = store.plan()
    kept = {path.stem for path in (folder / "cells").glob("*.json")}
    planned = [cell["fingerprint"] for cell in plan["cells"]]
    records = store.finished(planned)
    unreadable = [name for name in planned if name in kept and name not in records]
    return Status(plan, records, unreadable, holder(folder / LOCK))


def _time(told: object) -> datetime.datetime | None:
    """A moment as files tell it; None if it isn't one."""
    try:
        return datetime.datetime.fromisoformat(str(told)).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None
