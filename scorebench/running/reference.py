"""The real side of comparisons: features of real samples, and what metrics prepare from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scorebench.plugin.contracts import Evidence, Features, Report, quiet
from scorebench.running.cache import Arrays, digest
from scorebench.running.context import Context
from scorebench.running.evidence import PARTS, Gathering, as_evidence
from scorebench.running.failure import is_out_of_memory
from scorebench.running.fingerprint import data_digest, harness_digest
from scorebench.suite.resolve import Chosen

LINK = "@"  # in the name of a stored array: what follows says which part of the evidence it is


@dataclass(frozen=True)
class Origin:
    """Where real samples come from.

    Attributes:
        name: what to call it.
        identity: what decides the samples, as JSON.
        count: how many they are.
        batches: gives them.
    """

    name: str
    identity: Any
    count: int
    batches: Callable[[], Iterator[Tensor]]


@dataclass(frozen=True)
class Reference:
    """Extracts and prepares, once; both are cached by what they depend on.

    Attributes:
        context: what components are loaded in.
        features: the feature extractor, and ``extract`` gives it loaded.
        metrics: those that prepare a state each.
        batch_size: samples of a dataset to extract features from at a time.
    """

    context: Context
    features: Chosen
    extract: Callable[[], Callable[[Tensor], Features]]
    metrics: Sequence[Chosen]
    batch_size: int
    _held: dict[str, Arrays] = field(default_factory=dict)

    @property
    def needs(self) -> frozenset[str]:
        """What metrics must be shown of real samples."""
        comparing = (metric.component for metric in self.metrics if metric.component.compares)
        every = (component.needs for component in comparing)
        return frozenset[str]().union(*every) - {"model"}

    def dataset(self, name: str, spec: Any = None) -> Origin:
        """A dataset as the origin; the suite's own unless ``spec`` names another.

        Raises:
            UserError: it can't be loaded.
        """
        data = self.context.dataset(spec)
        return Origin(
            name, data_digest(data), len(data), lambda: iter(data.batches(self.batch_size))
        )

    def others(self) -> Iterator[Origin]:
        """What metrics look at besides the reference.

        Raises:
            UserError: a dataset can't be loaded.
        """
        for metric in self.metrics:
            yield from (self.dataset(s.name, s) for s in metric.component.datasets.values())

    def extractions(self, origins: Iterable[Origin]) -> list[Extraction]:
        """What isn't cached of the features of these samples."""
        if not self.needs:
            return []
        missing = {
            digest(key): Extraction(self, origin)
            for origin in origins
            if not self.context.arrays.has(key := self._key(origin))
        }
        return list(missing.values())

    def _add(self, gathering: Gathering, batch: Tensor) -> None:
        """Take in a batch, in halves if it takes too much memory."""
        try:
            gathering.add(batch.to(self.context.device), gathering.count)
        except Exception as error:
            if len(batch) == 1 or not is_out_of_memory(error):
                raise
        else:
            return
        if self.context.device.type == "cuda":
            torch.cuda.empty_cache()
        middle = (len(batch) + 1) // 2
        for half in (batch[:middle], batch[middle:]):
            self._add(gathering, half)

    def gather(self, origin: Origin, report: Report = quiet) -> Arrays:
        """What metrics need of these samples, kept until states are made of it."""
        key = self._key(origin)
        held = digest(key)

        def extract() -> Arrays:
            gathering = Gathering(self.extract(), self.needs, origin.count)
            for batch in origin.batches():
                self._add(gathering, batch)
                report(gathering.count, "")
            return gathering.arrays()

        if held not in self._held:
            self._held[held] = self.context.arrays.load(key, extract)
        return self._held[held]

    def states(self, origin: Origin) -> list[Arrays]:
        """For each metric, what it prepares from these samples."""
        try:
            return [self._state(metric.component, origin) for metric in self.metrics]
        finally:
            self._held.clear()

    def _key(self, origin: Origin) -> list[Any]:
        described = self.context.describe(self.features.component)
        kind = self.context.device.type
        return ["evidence", harness_digest(), origin.identity, described, kind, sorted(self.needs)]

    def _state(self, metric: Any, origin: Origin) -> Arrays:
        others = {name: self.dataset(spec.name, spec) for name, spec in metric.datasets.items()}

        def prepare() -> Arrays:
            sides = {name: as_evidence(self.gather(other)) for name, other in others.items()}
            reference = as_evidence(self.gather(origin), others=sides)
            return _linked(metric.prepare(reference, self.context), reference)

        key = ["state", self.context.describe(metric), self._key(origin)]
        stored = self.context.arrays.load(key, prepare)
        state = {}
        for name, array in stored.items():
            plain, link, part = name.partition(LINK)
            side, _, what = part.rpartition(".")
            state[plain] = self.gather(others.get(side, origin))[what] if link else array
        return state


@dataclass(frozen=True)
class Extraction:
    """The features of real samples, as work to be done before cells: a ``Preparation``."""

    reference: Reference
    origin: Origin
    done: int = 0

    @property
    def summary(self) -> str:
        return f"features of {self.origin.name}"

    @property
    def steps(self) -> int:
        return self.origin.count

    def run(self, report: Report) -> None:
        self.reference.gather(self.origin, report)


def _linked(state: Arrays, reference: Evidence) -> Arrays:
    """A state in which arrays of the evidence itself are named only.

    So the features of many real samples are stored, and held, once for all metrics.
    """
    parts = dict(_parts(reference))
    stored: dict[str, np.ndarray[Any, Any]] = {}
    for name, array in state.items():
        part = next((part for part, known in parts.items() if known is array), None)
        stored[name if part is None else f"{name}{LINK}{part}"] = (
            array if part is None else np.empty(0)
        )
    return stored


def _parts(reference: Evidence) -> Iterator[tuple[str, Any]]:
    sides: Mapping[str, Evidence] = {"": reference, **reference.others}
    for side, evidence in sides.items():
        for what in PARTS:
            if (array := getattr(evidence, what)) is not None:
                yield f"{side}.{what}", array
