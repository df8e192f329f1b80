"""The plan of a run: its cells, each with its fingerprint and cost, and what speaks against it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from scorebench.errors import PluginError, SuiteError, UserError
from scorebench.running.cache import digest
from scorebench.running.cell import Cell
from scorebench.running.fingerprint import data_digest, harness_digest
from scorebench.running.member import reading_of
from scorebench.running.sampling import check_sigmas
from scorebench.running.workbench import Workbench
from scorebench.suite.load import Suite
from scorebench.suite.resolve import Chosen

LARGEST = 2**63  # evaluations that are believed
FORMAT = 5  # of fingerprints


@dataclass(frozen=True)
class Plan:
    """The cells of a suite, repeat by repeat, each once."""

    suite: Suite
    cells: tuple[Cell, ...]


def make_plan(bench: Workbench) -> Plan:
    """Expand a suite into cells.

    Raises:
        SuiteError: the dataset is missing or too small, a schedule's noise levels are unusable,
            or a sampler can't walk down them.
    """
    return _Planner(bench).plan()


def check_models(bench: Workbench, cells: Collection[Cell]) -> None:
    """Load every model that ``cells`` need and try it once.

    Raises:
        SuiteError: a user's mistake, such as images of the wrong size. Other failures are left
            to the cells, where they become rows.
    """
    models = {id(c.point.model): c.point.model for c in cells}
    _stop_at_mistakes(bench, [functools.partial(bench.check, m) for m in models.values()])


def check_reference(bench: Workbench, cells: Collection[Cell]) -> None:
    """Let metrics prepare a dataset reference.

    Raises:
        SuiteError: a user's mistake, such as features that are not finite.
    """
    if cells and bench.suite.reference == "dataset":
        model = next(iter(cells)).point.model
        _stop_at_mistakes(bench, [functools.partial(bench.states, model)])


def _stop_at_mistakes(bench: Workbench, trials: Iterable[Callable[[], object]]) -> None:
    problems = [problem for trial in trials for problem in _mistake(bench, trial)]
    if problems:
        raise SuiteError(list(dict.fromkeys(problems)))


def _mistake(bench: Workbench, trial: Callable[[], object]) -> list[str]:
    try:
        trial()
    except UserError as error:
        return [f"{bench.suite.path}: {error}"]
    except (Exception, SystemExit):
        return []  # a plugin's failure: its cells will run into it and record it
    return []


class _Planner:
    def __init__(self, bench: Workbench) -> None:
        self.bench, self.suite = bench, bench.suite
        self.problems: list[str] = []
        self.described: dict[int, Any] = {}
        self.levels: dict[int, int] = {}
        self.readings: dict[int, tuple[Chosen, Chosen]] = {}

    def plan(self) -> Plan:
        suite = self.suite
        drawn, measured = self._drawn(), self._measured()
        cells: dict[str, Cell] = {}
        for repeat in range(suite.repeats):
            seed = suite.seed + repeat
            for point in suite.points:
                levels = self._levels(point.schedule)
                nfe = self._nfe(point.sampler, levels)
                walk, family = self._reading(point.sampler)
                walked = self._nfe(walk, levels)
                start = {
                    **drawn,
                    "seed": seed,
                    "model": self._describe(point.model),
                    "schedule": self._describe(point.schedule),
                    "batch_size": suite.batch_size if point.sampler.component.coupled else None,
                }
                samples = {**start, "sampler": self._describe(point.sampler)}
                fingerprint = digest({**samples, **measured})
                cells[fingerprint] = Cell(
                    point,
                    repeat,
                    seed,
                    fingerprint,
                    samples=digest(samples),
                    walk=digest({**start, "walk": self._describe(family)}),
                    n_sigmas=levels,
                    nfe=nfe,
                    end_nfe=max(0, nfe - walked) if nfe is not None and walked is not None else 0,
                )
        if self.problems:
            raise SuiteError(list(dict.fromkeys(self.problems)))
        return Plan(suite, tuple(cells.values()))

    def _drawn(self) -> dict[str, Any]:
        """What all cells share that can change their samples."""
        suite = self.suite
        data = None
        if suite.dataset is not None:
            try:
                loaded = self.bench.context.dataset()
                data = data_digest(loaded)
                self._check_count(len(loaded))
            except UserError as error:
                self._problem(error)
            except (Exception, SystemExit) as error:
                self._problem(f"dataset {suite.dataset.name}: {type(error).__name__}: {error}")
        return {
            "format": FORMAT,
            "harness": harness_digest(),
            "dataset": data,
            "samples": suite.samples,
            "precision": suite.precision.model_dump(),
            "determinism": suite.determinism.model_dump(),
        }

    def _measured(self) -> dict[str, Any]:
        """What can change only what is measured of them."""
        suite = self.suite
        return {
            "reference": suite.reference,
            "features": self._describe(suite.features),
            "metrics": [self._describe(m) for m in suite.metrics],
        }

    def _check_count(self, count: int) -> None:
        name = self.suite.dataset.name if self.suite.dataset else ""
        if count == 0:
            raise UserError(f"dataset {name} is empty")
        for metric in self.suite.metrics:
            least = metric.component.minimum_samples
            if self.suite.reference == "dataset" and count < least:
                raise UserError(
                    f"dataset {name} has {count} samples, but {metric.name} needs {least}"
                )

    def _describe(self, chosen: Chosen) -> Any:
        key = id(chosen)
        if key not in self.described:
            try:
                described = self.bench.context.describe(chosen.component)
                self.described[key] = digest([chosen.name, described])
            except OSError as error:
                self._problem(f"{chosen.name}: {error.filename}: {error.strerror}")
                self.described[key] = None
            except UserError as error:
                self._problem(error)
                self.described[key] = None
            except (Exception, SystemExit) as error:  # of a plugin's identity
                self._problem(f"{chosen.name}: {type(error).__name__}: {error}")
                self.described[key] = None
        return self.described[key]

    def _reading(self, chosen: Chosen) -> tuple[Chosen, Chosen]:
        """The walk that a sampler's samples are had from, and its family.

        A plugin's failure is left to the cells.
        """
        key = id(chosen)
        if key not in self.readings:  # which keeps them, as what is described is known by its id
            walk = family = chosen
            with contextlib.suppress(Exception, SystemExit):
                reading = reading_of(chosen.component)
                walk, family = (
                    chosen if part is chosen.component else Chosen(chosen.name, {}, part)
                    for part in (reading.walk, reading.family)
                )
            self.readings[key] = walk, family
        return self.readings[key]

    def _levels(self, chosen: Chosen) -> int:
        key = id(chosen)
        if key not in self.levels:
            self.levels[key] = 0
            try:
                sigmas = chosen.component.sigmas(self.bench.context)
                check_sigmas(sigmas)
                self.levels[key] = len(sigmas)
            except (UserError, ValueError) as error:
                self._problem(f"schedule {chosen.name}: {error}")
            except (Exception, SystemExit):  # a plugin's failure: its cells record it
                pass
        return self.levels[key]

    def _nfe(self, chosen: Chosen, levels: int) -> int | None:
        if levels == 0:
            return None
        try:
            nfe = chosen.component.nfe(levels)
        except (UserError, PluginError, ValueError) as error:
            self._problem(error)
        except (Exception, SystemExit):  # only the plan needs it
            return None
        else:
            return nfe if type(nfe) is int and 0 <= nfe < LARGEST else None
        return None

    def _problem(self, told: object) -> None:
        self.problems.append(f"{self.suite.path}: {' '.join(str(told).split())}")
