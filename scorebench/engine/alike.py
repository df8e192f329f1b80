"""What must be the same in all processes of a run, on all machines, as numbers depend on it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Mapping, Sequence

from scorebench.running.cell import Cell
from scorebench.running.fingerprint import harness_digest, modules, source_digest
from scorebench.suite.load import Suite
from scorebench.suite.sweep import ROLES


def installed(names: Iterable[str]) -> dict[str, str]:
    """Versions of scorebench and torch, digests of the harness and of the modules named."""
    return {
        "scorebench": importlib.metadata.version("scorebench"),
        "torch": importlib.metadata.version("torch").partition("+")[0],  # +cpu or +cu126 may differ
        "the source of scorebench": harness_digest(),
        **{f"the source of {name}": source_digest(name) for name in names},
    }


def component_modules(suite: Suite, cells: Sequence[Cell]) -> set[str]:
    """The modules of a run's components, and those that their parameters name."""
    points = {id(cell.point): cell.point for cell in cells}.values()
    chosen = [getattr(point, role) for point in points for role in ROLES]
    chosen += [suite.features, *suite.metrics, *([suite.dataset] if suite.dataset else [])]
    return set().union(*(modules(each.component) for each in chosen))


def difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str | None:
    """The first thing that differs, in words; None where nothing does."""
    for what, here in ours.items():
        there = theirs.get(what)
        if there != here:
            return f"{what} differs" if "source" in what else f"it has {what} {there}, not {here}"
    return None
