"""How long what is still to be run will take, judged by what has been run."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scorebench.running.cell import Cell

Kinds = tuple[Hashable, ...]  # what something belongs to, from the closest to what holds for all


def seconds_left(
    plan: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]], *, workers: int
) -> float | None:
    """Seconds until all cells of a plan have ended; None before any has ended ok.

    Sampling is taken to cost by the evaluation what it has cost of the same model by the same
    sampler, else of the same model, else of any; cells that failed early count with what they took.
    A walk costs what its longest cell does. Features, metrics and all else cost every cell what
    they usually have. The work is shared evenly, but no walk is.

    Args:
        plan: as ``Store.plan`` gives it; without ``nfe``, a cell is taken to make as many
            evaluations as others of its configuration or sampler did.
        records: of the cells that have ended, by fingerprint.
        workers: how many run at once, 1 or more.
    """
    cells: Sequence[Mapping[str, Any]] = plan["cells"]
    ended = [(c, records[c["fingerprint"]]["row"]) for c in cells if c["fingerprint"] in records]
    pending = [c for c in cells if c["fingerprint"] not in records]
    if not pending:
        return 0.0
    counts, costs = _Averages(), _Averages()
    for cell, row in ended:
        if row.get("nfe") and row["status"] == "ok":
            counts.add(_configurations(cell), row["nfe"], 1)
    for cell, row in ended:
        evaluations = _expected(cell) or row.get("nfe")
        if evaluations and "seconds" in row:
            costs.add(_models(cell), row.get("seconds_sampling", 0.0), evaluations)
    besides: list[float] = [
        max(row["seconds"] - row.get("seconds_sampling", 0.0), 0.0)
        for _, row in ended
        if row["status"] == "ok" and "seconds" in row
    ]
    if not besides:
        return None
    each = statistics.median(besides) * len(besides) / len(ended)
    walks: dict[str, list[float]] = {}
    for cell in pending:
        evaluations = _expected(cell) or counts.of(_configurations(cell), 1.0)
        walk = cell.get("walk") or cell["fingerprint"]
        walks.setdefault(walk, []).append(evaluations * costs.of(_models(cell), 0.0))
    tasks = [max(sampling) + each * len(sampling) for sampling in walks.values()]
    return max(sum(tasks) / workers, max(tasks))


class _Averages:
    """Amounts by the unit: of all that is of a kind."""

    def __init__(self) -> None:
        self._sums: dict[Hashable, tuple[float, float]] = {}

    def add(self, kinds: Kinds, amount: float, units: float) -> None:
        for kind in kinds:
            before = self._sums.get(kind, (0.0, 0.0))
            self._sums[kind] = (before[0] + amount, before[1] + units)

    def of(self, kinds: Kinds, unknown: float) -> float:
        """That of the first kind of which anything is known."""
        amount, units = next((self._sums[k] for k in kinds if k in self._sums), (unknown, 1.0))
        return amount / units


def _models(cell: Mapping[str, Any]) -> Kinds:
    columns = cell["columns"]
    model = json.dumps({k: v for k, v in columns.items() if k.partition(".")[0] == "model"})
    return ((model, str(columns.get("sampler"))), model, None)


def _configurations(cell: Mapping[str, Any]) -> Kinds:
    return (json.dumps(cell["columns"]), ("sampler", str(cell["columns"].get("sampler"))), None)


def _expected(cell: Mapping[str, Any]) -> float | None:
    nfe = cell.get("nfe")
    return max(nfe, 1) if isinstance(nfe, int | float) else None


class Forecast:
    """The time left in words, worked out anew every now and then as cells end.

    Args:
        plan, records, workers: as for ``seconds_left``; the records may be added to.
    """

    PAUSE = 20  # times as long as the last look at them took

    def __init__(
        self, plan: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]], *, workers: int
    ) -> None:
        self._plan, self._records, self._workers = plan, records, workers
        self._over = 0.0  # when the work was last expected to end
        self._next = 0.0
        self._known = False

    def told(self) -> str:
        """E.g. ``about 12 min 3 s left``; nothing before any cell has ended ok."""
        now = time.monotonic()
        if now >= self._next:
            left = seconds_left(self._plan, self._records, workers=self._workers)
            self._known, self._over = left is not None, now + (left or 0.0)
            self._next = now + self.PAUSE * (time.monotonic() - now)
        return f"about {duration(self._over - now)} left" if self._known else ""


def evaluations(cells: Iterable[Cell]) -> int:
    """Model evaluations per sample that cells are expected to make, summed; at least one each."""
    return sum(cell.nfe or 1 for cell in cells)


def duration(seconds: float) -> str:
    """Seconds as people say them, e.g. ``3 d 4 h``, ``1 h 20 min`` or ``45 s``."""
    whole = max(1, round(seconds))
    minutes, hours, days = whole // 60 % 60, whole // 3600 % 24, whole // 86400
    if days:
        return f"{days:,} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
