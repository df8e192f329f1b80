"""What is run together: the cells that one walk gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scorebench.running.cell import Cell

LARGEST = 32  # cells of a task; each holds what metrics need of its samples


@dataclass(frozen=True)
class Task:
    """Cells that are read off one walk, and cost about what the longest of them costs.

    Attributes:
        cells: one or more.
    """

    cells: tuple[Cell, ...]

    @property
    def model(self) -> int:
        """Equal for tasks of the same score model and reference, within one process."""
        return id(self.cells[0].point.model)

    @property
    def nfe(self) -> int | None:
        """Evaluations per sample to be expected, None if not known."""
        known = [(cell.nfe - cell.end_nfe, cell.end_nfe) for cell in self.cells if cell.nfe]
        if len(known) < len(self.cells):
            return None
        return max(walk for walk, _ in known) + sum(end for _, end in known)

    @property
    def cost(self) -> float:
        """Evaluations to be expected, by which long tasks go first; unknown ones before all."""
        return float("inf") if self.nfe is None else max(1, self.nfe)


def tasks(cells: Iterable[Cell]) -> list[Task]:
    """Cells as tasks, in the order of each one's first cell."""
    walks: dict[str, list[Cell]] = {}
    for cell in cells:
        walks.setdefault(cell.walk, []).append(cell)
    return [Task(part) for walk in walks.values() for part in _parts(walk)]


def _parts(walk: Sequence[Cell]) -> Iterable[tuple[Cell, ...]]:
    """A walk's cells, those of like length together where they are too many for one task."""
    if len(walk) <= LARGEST:
        return [tuple(walk)]
    by_length = sorted(walk, key=lambda cell: -(cell.nfe or 0))
    return [tuple(by_length[i : i + LARGEST]) for i in range(0, len(walk), LARGEST)]
