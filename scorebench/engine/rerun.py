"""Running one row of a results directory again, to see whether its numbers can be trusted."""

from __future__ import annotations

import contextlib
import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from scorebench.engine.local import LocalWorkers, devices
from scorebench.engine.only import SHORTEST
from scorebench.engine.parcel import pack
from scorebench.engine.pool import Pool
from scorebench.engine.trust import check_objects, check_plugins
from scorebench.errors import UserError
from scorebench.running.cell import Cell
from scorebench.running.environment import choose_device, revision
from scorebench.running.plan import Plan, check_models, check_reference, make_plan
from scorebench.running.workbench import Workbench
from scorebench.store import Store
from scorebench.suite.load import load_suite

MOST_THREADS = 1024  # believed of a file


@dataclass(frozen=True)
class Request:
    """A row to be run again.

    Attributes:
        cell: as the plan tells of it.
        row: what became of it.
        environment: what that was computed with; empty where it isn't known.
        arguments: of ``scorebench run``, that make its suite.
        folder: where to give them.
    """

    cell: Mapping[str, Any]
    row: Mapping[str, Any]
    environment: Mapping[str, Any]
    arguments: Sequence[str]
    folder: Path


@dataclass(frozen=True)
class Again:
    """What became of a row when it was run again.

    Attributes:
        row: its row now.
        environment: what that was computed with.
        same_fingerprint: whether parameters, sources and data are what they were.
    """

    row: Mapping[str, Any]
    environment: Mapping[str, Any]
    same_fingerprint: bool


def find(results: Path, row: str) -> Request:
    """A row of a results directory.

    Args:
        results: the directory.
        row: its number in ``table.csv``, the first being 1, or how its fingerprint begins: at least
            6 hexadecimal digits.

    Raises:
        UserError: this isn't a results directory, or there is no such row, or several.
    """
    store = Store(results)
    plan = store.plan()
    records = store.finished(cell["fingerprint"] for cell in plan["cells"])
    cells = {c["fingerprint"]: c for c in plan["cells"] if c["fingerprint"] in records}
    fingerprint = _find(_numbered(results) or list(cells), list(cells), row, results)
    if fingerprint not in cells:
        raise UserError(
            f"row {row}: table.csv has cell {fingerprint} there, which the plan or the cells of "
            f"{results} have no more"
        )
    cell, found = cells[fingerprint], records[fingerprint]["row"]
    arguments = plan.get("arguments")
    folder = results / plan.get("started_in", ".") if arguments else results
    known = _environment(results, found.get("environment"))
    return Request(cell, found, known, arguments or ["suite.yaml"], folder.resolve())


def _numbered(results: Path) -> list[str]:
    """The fingerprints of the rows of ``table.csv``; none where it can't be read."""
    try:
        with (results / "table.csv").open(newline="", encoding="utf-8") as file:
            return [row["fingerprint"] for row in csv.DictReader(file, strict=True)]
    except (OSError, ValueError, KeyError, csv.Error):
        return []


def _find(rows: Sequence[str], cells: Sequence[str], wanted: str, results: Path) -> str:
    """The fingerprint that is wanted, by number of the rows or by itself of the cells."""
    if re.fullmatch(r"[0-9]{1,9}", wanted) and 1 <= int(wanted) <= len(rows):
        return rows[int(wanted) - 1]
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST},}}", wanted.lower()):
        raise UserError(
            f"row {wanted}: {results} has rows 1 to {len(rows):,}, as table.csv has them; or give "
            f"at least {SHORTEST} hexadecimal digits of a fingerprint"
        )
    found = [name for name in cells if name.startswith(wanted.lower())]
    if len(found) != 1:
        told = f"{len(found)} rows begin so; give more digits" if found else "no row begins so"
        raise UserError(f"row {wanted}: of the {len(cells):,} fingerprints in {results} {told}")
    return found[0]


def _environment(results: Path, name: object) -> dict[str, Any]:
    if not re.fullmatch(r"[0-9a-f]+", str(name)):
        return {}
    try:
        content = json.loads((results / "environments" / f"{name}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def rerun(request: Request, *, trusted: bool = False, device: str | None = None) -> Again:
    """Run a row again, in a worker; nothing is written but what the cache keeps.

    Args:
        request: which.
        trusted: whether code that isn't installed may be run, as what the results tell of it.
        device: where; where it was asked for then unless given.

    Raises:
        UserError: its suite can't be made again, has no such cell any more, or isn't trusted.
    """
    path, settings, plugins, own_device = _parsed(request.arguments)
    if not request.folder.is_dir():
        raise UserError(
            f"the suite was run in {request.folder}, which isn't there; move the results to where "
            "they were, as seen from the suite"
        )
    with contextlib.chdir(request.folder):
        if not trusted:
            check_plugins(path, settings, plugins)
        suite = load_suite(path, settings=settings, plugins=plugins)
        if not trusted:
            check_objects(suite)
        bench = Workbench(suite, choose_device(device or own_device), reuse=False)
        cell = _cell(make_plan(bench), request.cell)
        check_models(bench, [cell])
        check_reference(bench, [cell])
        bench.unload()
        # As many threads as then: the order of sums hangs on it, and so their last bits.
        threads = request.environment.get("threads")
        if not isinstance(threads, int) or not 1 <= threads <= MOST_THREADS:
            threads = torch.get_num_threads()
        workers = LocalWorkers(pack(bench, [cell]), devices(bench.device, 1), threads)
        ((_, result),) = Pool(bench, [cell], workers).run()
        surroundings = {**result.environment, "git": revision(suite.path.parent)}
    return Again(result.row, surroundings, cell.fingerprint == request.cell["fingerprint"])


def _parsed(arguments: Sequence[str]) -> tuple[Path, list[str], list[Path], str]:
    """Suite, settings, plugins and device, as ``arguments`` in ``engine/arguments.py`` has them."""
    suite, *options = arguments
    given: dict[str, list[str]] = {"--set": [], "--plugins": [], "--device": ["auto"]}
    for name, value in zip(options[::2], options[1::2], strict=False):
        given.setdefault(name, []).append(value)
    if len(given) > 3 or len(options) % 2:
        raise UserError(f"plan.json: can't make the suite by arguments {' '.join(arguments)}")
    return Path(suite), given["--set"], list(map(Path, given["--plugins"])), given["--device"][-1]


def _cell(plan: Plan, wanted: Mapping[str, Any]) -> Cell:
    """The cell of this fingerprint, else the one of the same parameters and repeat."""
    for cell in plan.cells:
        if cell.fingerprint == wanted["fingerprint"]:
            return cell
    found = [
        cell
        for cell in plan.cells
        if cell.repeat == wanted.get("repeat") and _told(cell) == wanted["columns"]
    ]
    if len(found) != 1:
        raise UserError(
            f"{plan.suite.path} has {len(found) or 'no'} cell{'s' * (len(found) > 1)} of this "
            "row's parameters and repeat; it was changed since, or is another"
        )
    return found[0]


def _told(cell: Cell) -> Any:
    """A cell's names and parameters, as a plan that is read has them."""
    text = json.dumps(cell.point.columns(), default=str)
    return json.loads(text, parse_constant=lambda constant: str(float(constant)))
