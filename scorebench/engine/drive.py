"""The driver: plans a run, hands what is missing to an engine, keeps what comes back."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorebench.engine.arguments import started_in
from scorebench.engine.base import Engine, EngineOptions, make_engine
from scorebench.engine.only import check_alone, only
from scorebench.engine.tasks import tasks
from scorebench.errors import UserError
from scorebench.lock import LOCK, BusyError, holder, locked
from scorebench.plugin.contracts import Preparation, Report
from scorebench.running.cache import digest
from scorebench.running.cell import Cell, Result
from scorebench.running.environment import choose_device, revision
from scorebench.running.kept import kept_as
from scorebench.running.picture import png, strip
from scorebench.running.plan import Plan, check_models, check_reference, make_plan
from scorebench.running.reference import Extraction
from scorebench.running.workbench import Workbench
from scorebench.store import Store
from scorebench.suite.load import Suite
from scorebench.suite.resolve import Chosen
from scorebench.suite.sweep import ROLES
from scorebench.suite.yaml import dump, parse

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Drive:
    """One run of a suite into a results directory.

    Attributes:
        plan: all cells.
        finished: the records of those that have ended, by fingerprint.
        pending: those still to be run.
        seen: what was found of these, and is to be run again.
        arguments: of ``scorebench run``, that make the same suite again; empty where not known.
        table: what was derived from the cells when the run ended.
    """

    bench: Workbench
    store: Store
    engine: Engine
    plan: Plan
    finished: dict[str, dict[str, Any]]
    pending: list[Cell]
    seen: dict[str, dict[str, Any]]
    arguments: Sequence[str]
    table: pd.DataFrame | None = None

    @property
    def workers(self) -> int:
        """How many cells run at a time."""
        return self.engine.workers(self.bench) if self.pending else 1

    @property
    def device(self) -> str:
        """What cells run on, e.g. ``cuda:1``; only the kind where that isn't the driver's."""
        kind = self.engine.device_type(self.bench) if self.pending else self.bench.device.type
        return str(self.bench.device) if kind == self.bench.device.type else kind

    @property
    def evaluations(self) -> int:
        """Model evaluations per sample that the pending cells will cost, as far as is known.

        Raises:
            UserError: an environment variable that says how many samples to keep isn't a number.
        """
        kept, here = self.bench.kept.names(), self.bench.environment
        missing = [cell for cell in self.pending if kept_as(cell.samples, here) not in kept]
        return sum(task.nfe or 0 for task in tasks(missing))

    @cached_property
    def preparations(self) -> list[tuple[Chosen, Preparation]]:
        """The score models that need something done before pending cells can run, and what."""
        models = {id(c.point.model): c.point.model for c in self.pending}.values()
        found = [(model, self.bench.preparation(model)) for model in models]
        once = {p: (model, p) for model, p in reversed(found) if p is not None}
        return list(reversed(once.values()))

    @cached_property
    def extractions(self) -> list[Extraction]:
        """The datasets whose features pending cells are compared with, where not yet cached."""
        suite, reference = self.bench.suite, self.bench.reference
        if not self.pending or not self._runs_alike:
            return []
        own = [self.bench.origin(suite.points[0].model)] if suite.reference == "dataset" else []
        return reference.extractions([*own, *reference.others()])

    @property
    def _runs_alike(self) -> bool:
        """Whether the driver has the kind of device that workers have, and can work for them."""
        return self.device == str(self.bench.device)

    def prepare(self, report: Callable[[Preparation, int, str], None]) -> None:
        """Do what is needed first, telling how it goes: of models, then features of datasets.

        Raises:
            UserError: the user's mistake. Other failures are left to the cells.
        """
        self._check_free()
        work = [(p, functools.partial(self.bench.model, model)) for model, p in self.preparations]
        _do(work, report)
        if self.extractions:
            check_models(self.bench, self.pending)
            _do([(e, e.run) for e in self.extractions], report)

    def run(self) -> Generator[tuple[Cell, dict[str, Any]], None, None]:
        """Run what is pending; every cell is on disk before it is yielded.

        At the end, whatever that is, the table is derived from all cells that there are; one that
        was to be run again stands until it has been. Other runs are kept out of the directory until
        then.

        Raises:
            SuiteError: a user's mistake that shows only once models are loaded; nothing has been
                written then.
            UserError: another process writes into the directory; or results can't be written any
                more, e.g. for want of space; or a source was edited meanwhile.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self.engine.close)
            self._check_free()
            check_models(self.bench, self.pending)
            if self._runs_alike:
                check_reference(self.bench, self.pending)
            with self._writing():
                stack.enter_context(
                    locked(
                        self.store.folder / LOCK,
                        {"command": f"scorebench run {self.bench.suite.path}"},
                    )
                )
                self._skip_finished()
                self.store.begin(suite_text(self.bench.suite), self.plan_record)
            try:
                yield from self._run()
            finally:
                with self._writing():
                    self.table = self.store.write_table(self.seen | self.finished)

    def _run(self) -> Generator[tuple[Cell, dict[str, Any]], None, None]:
        environments = _Environments(self.store, revision(self.bench.suite.path.parent))
        running = self.engine.run(self.bench, self.pending)
        with contextlib.closing(running):
            for cell, result in running:
                self._check_sources(cell)
                with self._writing():
                    environment = environments.name(result.environment)
                self.finished[cell.fingerprint] = record = self._keep(cell, result, environment)
                yield cell, record

    def _check_free(self) -> None:
        lock = self.store.folder / LOCK
        if (about := holder(lock)) is not None:
            raise BusyError(lock, about)

    def _skip_finished(self) -> None:
        """Leave out what another run has finished since this one was planned."""
        now = self.store.finished(cell.fingerprint for cell in self.pending)
        done = {f: record for f, record in now.items() if record != self.seen.get(f)}
        self.finished |= done
        self.pending = [cell for cell in self.pending if cell.fingerprint not in done]

    def _check_sources(self, cell: Cell) -> None:
        suite = self.bench.suite
        used = [getattr(cell.point, role) for role in ROLES]
        self.bench.context.check_sources(
            chosen.component for chosen in (*used, suite.features, *suite.metrics)
        )

    def _keep(self, cell: Cell, result: Result, environment: str) -> dict[str, Any]:
        row = {**result.row, "environment": environment}
        record = {"row": row, "columns": cell.point.columns(), "traceback": result.traceback}
        with self._writing():
            self.store.write_cell(
                record,
                None if result.grid is None else png(result.grid),
                None if result.trajectory is None else strip(result.trajectory),
            )
        return record

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"{error.filename or self.store.folder} can't be written any more: "
                f"{error.strerror}; finished cells are kept, and once it can be, the same command "
                "goes on from them"
            ) from error

    @cached_property
    def plan_record(self) -> Mapping[str, Any]:
        """The plan as results keep it."""
        better: dict[str, str] = {}
        for metric in self.plan.suite.metrics:
            better |= metric.component.better
        return {
            "suite": self.plan.suite.name,
            "arguments": list(self.arguments),
            "started_in": started_in(self.store.folder),
            "better": better,
            "samples": self.plan.suite.samples,
            "workers": self.workers,
            "cells": [
                {
                    "fingerprint": c.fingerprint,
                    "repeat": c.repeat,
                    "nfe": c.nfe,
                    "walk": c.walk,
                    "columns": c.point.columns(),
                }
                for c in self.plan.cells
            ],
        }

    @property
    def all_ok(self) -> bool:
        """Whether every cell of the plan has ended well."""
        statuses = [r["row"]["status"] for r in self.finished.values()]
        return len(statuses) == len(self.plan.cells) and set(statuses) <= {"ok"}


class _Environments:
    """What rows were computed with, each written once, under a name by which rows tell it."""

    def __init__(self, store: Store, git: Mapping[str, Any] | None) -> None:
        self._store, self._git = store, git
        self._last: tuple[Mapping[str, Any], str] = ({}, "")

    def name(self, environment: Mapping[str, Any]) -> str:
        if self._last[0] != environment:
            whole = {**environment, "git": self._git}
            self._last = environment, digest(whole)
            self._store.write_environment(self._last[1], whole)
        return self._last[1]


def _do(
    work: Iterable[tuple[Preparation, Callable[[Report], object]]],
    report: Callable[[Preparation, int, str], None],
) -> None:
    for preparation, run in work:
        try:
            run(functools.partial(report, preparation))
        except UserError:
            raise
        except (Exception, SystemExit):
            continue


def prepare(
    suite: Suite,
    *,
    results: Path | None = None,
    engine: EngineOptions = EngineOptions(),  # noqa: B008  frozen
    device: str = "auto",
    retry: Collection[str] = (),
    cells: Sequence[str] = (),
    arguments: Sequence[str] = (),
) -> Drive:
    """Plan a run, without writing anything.

    Args:
        suite: as ``load_suite`` gives it.
        results: the results directory; ``results/<suite>`` unless given.
        engine: which engine runs the cells, and how.
        device: e.g. ``auto``, ``cpu``, ``cuda:1``.
        retry: statuses of finished cells to run again, e.g. ``failed``.
        cells: how the fingerprints of the only cells wanted begin; all cells if empty.
        arguments: of ``scorebench run``, that make the same suite again; kept with the plan.

    Raises:
        UserError: the directory, engine or device can't be used, or there is no such cell, or it
            would take the place of others.
        SuiteError: mistakes that show once the dataset and schedules are loaded.
    """
    chosen = make_engine(engine, device)
    store = Store(results or Path("results") / suite.name)
    store.check(suite.name)
    bench = Workbench(suite, choose_device(device))
    plan = make_plan(bench)
    if cells:
        plan = only(plan, cells)
        check_alone(store, plan)
    found = store.finished(c.fingerprint for c in plan.cells)
    finished = {f: record for f, record in found.items() if record["row"]["status"] not in retry}
    pending = [cell for cell in plan.cells if cell.fingerprint not in finished]
    seen = {f: record for f, record in found.items() if f not in finished}
    return Drive(bench, store, chosen, plan, finished, pending, seen, arguments)


def suite_text(suite: Suite) -> str:
    """The suite as run: its file's text, or, with overrides, its data."""
    text = suite.path.read_text(encoding="utf-8-sig")
    if parse(text, str(suite.path)).data == suite.data:
        return text
    return dump(suite.data)
