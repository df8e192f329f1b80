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
from scorebench.plugin.contracts import Features, Preparation, Report, ScoreModel, quiet
from scorebench.running.cache import Arrays
from scorebench.running.context import Context
from scorebench.running.environment import environment
from scorebench.running.evidence import as_data
from scorebench.running.fingerprint import data_digest
from scorebench.running.kept import KeptSamples
from scorebench.running.noise import StreamNoise
from scorebench.running.pixels import shows_images
from scorebench.running.reference import Origin, Reference
from scorebench.running.yardstick import yardstick
from scorebench.suite.load import Suite
from scorebench.suite.resolve import Chosen

MODELS_KEPT = 2


@dataclass
class Workbench:
    """The shared means of running one suite's cells on one device.

    Attributes:
        reuse: whether samples may be had from an earlier cell that differs only in metrics.
        batch_sizes: that fitted where the suite's has once taken too much memory, by the ``id`` of
            the suite's chosen models; all later cells of the model begin with them.
    """

    suite: Suite
    device: torch.device
    reuse: bool = True
    batch_sizes: dict[int, int] = field(default_factory=dict)
    _models: dict[Any, ScoreModel] = field(default_factory=dict)
    _states: dict[Any, list[Arrays]] = field(default_factory=dict)
    _yardsticks: dict[Any, dict[str, Any]] = field(default_factory=dict)
    _failures: dict[Any, ScorebenchError] = field(default_factory=dict)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """What rows are computed with, but for the suite's revision."""
        return environment(self.device)

    @cached_property
    def kept(self) -> KeptSamples:
        """Samples of other cells."""
        return KeptSamples(self.context.cache_dir / "samples")

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

    def unload(self) -> None:
        """Let go of loaded models and features; they are loaded again when needed."""
        self._models.clear()
        self.__dict__.pop("extract", None)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

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

    @cached_property
    def reference(self) -> Reference:
        """The real side of the suite's comparisons."""
        suite = self.suite
        return Reference(
            self.context, suite.features, lambda: self.extract, suite.metrics, suite.batch_size
        )

    def origin(self, chosen: Chosen) -> Origin:
        """Where the reference comes from: the dataset, or exact samples of the model ``chosen``."""
        suite = self.suite
        if suite.reference == "dataset":
            return self.reference.dataset(
                "dataset" if suite.dataset is None else suite.dataset.name
            )
        # A model that is fitted to the suite's dataset depends on it.
        data = None if suite.dataset is None else data_digest(self.context.dataset())
        model = self.context.describe(chosen.component)
        identity = [data, model, suite.samples, suite.seed, suite.precision.model]
        drawn = functools.partial(self._drawn, chosen)
        return Origin(f"model {chosen.name}", identity, suite.samples, drawn)

    def states(self, chosen: Chosen) -> list[Arrays]:
        """For each metric, what it prepares from the reference; computed once, kept across runs.

        ``chosen`` is the model whose exact samples are the reference where the suite says so.
        """
        key = id(chosen) if self.suite.reference == "model" else None
        if key not in self._states:
            self._states[key] = self.reference.states(self.origin(chosen))
        return self._states[key]

    def yardstick(self, chosen: Chosen) -> dict[str, Any]:
        """The columns that say what rows of this model may be compared with."""
        key = id(chosen) if self.suite.reference == "model" else None
        if key not in self._yardsticks:
            self._yardsticks[key] = yardstick(self.suite, self.context, self.origin(chosen))
        return self._yardsticks[key]

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
