"""What the cells of a suite share on one device: models, features, the prepared reference."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from scorebench.errors import PluginError, ScorebenchError, UserError
from scorebench.plugin.contracts import Evidence, Features, Preparation, Report, ScoreModel, quiet
from scorebench.running.cache import Arrays
from scorebench.running.context import Context
from scorebench.running.evidence import Gathering, as_data, as_evidence
from scorebench.running.fingerprint import data_digest, harness_digest
from scorebench.running.noise import StreamNoise
from scorebench.running.pixels import shows_images
from scorebench.suite.load import Suite
from scorebench.suite.resolve import Chosen

MODELS_KEPT = 2


@dataclass
class Workbench:
    """The shared means of running one suite's cells on one device."""

    suite: Suite
    device: torch.device
    _models: dict[Any, ScoreModel] = field(default_factory=dict)
    _states: dict[Any, list[Arrays]] = field(default_factory=dict)
    _failures: dict[Any, ScorebenchError] = field(default_factory=dict)

    @cached_property
    def context(self) -> Context:
        """What components are loaded with."""
        dataset = self.suite.dataset
        return Context(
            device=self.device,
            dtype=self.suite.precision.model,
            default_dataset=None if dataset is None else dataset.spec,
            host=self.suite.host,
        )

    @cached_property
    def extract(self) -> Callable[[Tensor], Features]:
        """The suite's feature extractor."""
        return self.suite.features.component.load(self.context)  # type: ignore[no-any-return]

    @cached_property
    def needs(self) -> frozenset[str]:
        """What the suite's metrics must be shown."""
        return frozenset().union(*(m.component.needs for m in self.suite.metrics))

    def preparation(self, chosen: Chosen) -> Preparation | None:
        """What a score model needs done before it can be loaded, None where it can't say."""
        ask = getattr(chosen.component, "preparation", None)
        try:
            return None if ask is None else ask(self.context)
        except UserError:
            raise
        except (Exception, SystemExit):  # a plugin's failure: loading it will tell
            return None

    def model(self, chosen: Chosen, report: Report = quiet) -> ScoreModel:
        """A loaded score model, prepared first if need be; the last few are kept.

        Raises:
            ScorebenchError: it can't be had; what once failed isn't tried again.
        """
        key = id(chosen)
        if key in self._failures:
            raise self._failures[key]
        if key not in self._models:
            while len(self._models) >= MODELS_KEPT:
                del self._models[next(iter(self._models))]
            try:
                if preparation := self.preparation(chosen):
                    preparation.run(report)
                self._models[key] = chosen.component.load(self.context)
            except ScorebenchError as error:
                self._failures[key] = error
                raise
        return self._models[key]

    def check(self, chosen: Chosen) -> None:
        """Try a model against the suite's reference and features, on one blank sample.

        Raises:
            UserError: they don't fit together.
        """
        model = self.model(chosen)
        images = shows_images(tuple(model.event_shape), model.value_range)
        if self.suite.reference == "dataset":
            self._check_against_dataset(chosen.name, tuple(model.event_shape), images)
        elif not hasattr(model, "draw"):
            raise UserError(
                f"reference: model needs exact samples, which {chosen.name} can't draw; "
                "use reference: dataset"
            )
        if self.needs & {"features", "logits"}:
            dtype = torch.uint8 if images else model.dtype
            found = self.extract(torch.zeros(1, *model.event_shape, dtype=dtype).to(self.device))
            lacking = [m.name for m in self.suite.metrics if "logits" in m.component.needs]
            if lacking and found.logits is None:
                raise UserError(
                    f"{lacking[0]} needs logits, which features: {self.suite.features.name} lacks"
                )

    def _check_against_dataset(self, name: str, shape: tuple[int, ...], images: bool) -> None:
        data = self.context.dataset()
        if data.event_shape != shape:
            raise UserError(
                f"model {name} makes samples of shape {list(shape)}, but those of the dataset are "
                f"{list(data.event_shape)}"
            )
        if images and data.x.dtype != torch.uint8:
            raise UserError(
                f"model {name} makes images, but the dataset holds floats; "
                "give the model no value_range"
            )
        if not images and data.x.dtype == torch.uint8:
            raise UserError(
                f"the dataset holds images, but model {name} has no value_range to map to "
                "pixels; give it one, e.g. [-1, 1]"
            )

    def states(self, chosen: Chosen) -> list[Arrays]:
        """For each metric, what it prepares from the reference; computed once, kept across runs.

        ``chosen`` is the model whose exact samples are the reference where the suite says so.
        """
        suite, context = self.suite, self.context
        drawn = suite.reference == "model"
        key = id(chosen) if drawn else None
        if key not in self._states:
            data = None if suite.dataset is None else data_digest(context.dataset())
            origin: list[Any] = [harness_digest(), data]
            if drawn:
                model = context.describe(chosen.component)
                origin += [model, suite.samples, suite.seed, suite.precision.model]
                self._states[key] = self._prepare(origin, lambda: self._drawn(chosen))
            else:
                batches = functools.partial(context.dataset().batches, suite.batch_size)
                self._states[key] = self._prepare(origin, batches)
        return self._states[key]

    def _prepare(self, origin: Any, batches: Callable[[], Iterator[Tensor]]) -> list[Arrays]:
        context, suite = self.context, self.suite
        needs = self.needs - {"model"}
        drawn = suite.reference == "model"
        count = suite.samples if drawn else len(context.dataset())
        described = context.describe(suite.features.component)
        key = [origin, described, self.device.type, sorted(needs)]

        def gather() -> Arrays:
            gathering = Gathering(self.extract, needs, count)
            for batch in batches():
                gathering.add(batch.to(self.device))
            return gathering.arrays()

        @functools.cache  # for the metrics of this call, then forgotten
        def evidence() -> Evidence:
            return as_evidence(context.arrays.load(["evidence", *key], gather))

        def prepare(component: Any) -> Arrays:
            return component.prepare(evidence(), context)  # type: ignore[no-any-return]

        return [
            context.arrays.load(
                ["state", context.describe(m.component), *key],
                functools.partial(prepare, m.component),
            )
            for m in suite.metrics
        ]

    def _drawn(self, chosen: Chosen) -> Iterator[Tensor]:
        """Exact samples, from streams of their own, as many as a cell has."""
        suite, model = self.suite, self.model(chosen)
        shape = tuple(model.event_shape)
        draw: Any = getattr(model, "draw")  # noqa: B009  only some models have it
        for first in range(0, suite.samples, suite.batch_size):
            indices = range(first, min(first + suite.batch_size, suite.samples))
            noise = StreamNoise(
                suite.seed,
                indices,
                shape,
                device=self.device,
                dtype=model.dtype,
                purpose="reference",
            )
            x = draw(len(indices), noise)
            if tuple(x.shape) != (len(indices), *shape):
                raise PluginError(
                    f"{type(model).__name__}.draw gave {list(x.shape)} instead of "
                    f"{[len(indices), *shape]}"
                )
            yield as_data(model, x)
