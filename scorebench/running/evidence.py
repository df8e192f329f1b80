"""Gathering what metrics need, batch by batch, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scorebench.errors import PluginError
from scorebench.plugin.contracts import Evidence, Features, ScoreModel
from scorebench.running.cache import Arrays
from scorebench.running.context import Context
from scorebench.running.pixels import shows_images, to_uint8

PARTS = ("vectors", "logits", "samples")  # of evidence, that are arrays


@dataclass
class Gathering:
    """Features, logits or samples of the batches seen so far, as far as they are needed.

    Arrays of their final size are filled, so that nothing but them outlives a batch: small arrays
    kept from every batch would also keep the allocator from using its larger blocks again.

    Attributes:
        extract: the feature extractor.
        needs: what metrics need.
        expected: number of samples to come in all, and ``count`` how many have come.
    """

    extract: Callable[[Tensor], Features]
    needs: frozenset[str]
    expected: int
    count: int = 0
    _filled: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)

    def add(self, batch: Tensor, first: int) -> None:
        """Take in a batch as a dataset would hold it; ``first`` is the number of its first sample.

        What was there of these samples, by an attempt that failed, is replaced.
        """
        self.count = first
        if self.needs & {"features", "logits"}:
            features = self.extract(batch)
            if "features" in self.needs:
                self._keep("vectors", _of_batch(features.vectors, batch))
            if "logits" in self.needs:
                self._keep("logits", _of_batch(features.logits, batch))
        if "samples" in self.needs:
            self._keep("samples", batch)
        self.count += len(batch)

    def _keep(self, name: str, values: Tensor) -> None:
        if values.dtype == torch.bfloat16:  # which numpy doesn't know
            values = values.float()
        found = values.detach().cpu().numpy()
        if name not in self._filled:
            self._filled[name] = np.empty((self.expected, *found.shape[1:]), found.dtype)
        self._filled[name][self.count : self.count + len(found)] = found

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Everything gathered, as named arrays; see ``as_evidence``."""
        assert self.count == self.expected
        return {**self._filled, "count": np.array([self.count])}


def _of_batch(values: Tensor | None, batch: Tensor) -> Tensor:
    if values is None:
        raise PluginError("the feature extractor gave no logits")
    if values.ndim != 2 or len(values) != len(batch):
        raise PluginError(
            f"the feature extractor gave {list(values.shape)} for a batch of {len(batch)}, "
            f"not [{len(batch)}, d]"
        )
    return values


def as_evidence(
    arrays: Arrays,
    model: ScoreModel | None = None,
    sigmas: Tensor | None = None,
    context: Context | None = None,
    others: Mapping[str, Evidence] | None = None,
) -> Evidence:
    """Gathered arrays as metrics see them."""
    return Evidence(
        count=int(arrays["count"][0]),
        vectors=arrays.get("vectors"),
        logits=arrays.get("logits"),
        samples=arrays.get("samples"),
        model=model,
        sigmas=None if sigmas is None else sigmas.numpy(),
        context=context,
        others=others or {},
    )


def as_data(model: ScoreModel, x: Tensor) -> Tensor:
    """Samples as a dataset would hold them: 8-bit images, or the numbers themselves."""
    if model.value_range is not None and shows_images(tuple(model.event_shape), model.value_range):
        return to_uint8(x, model.value_range)
    return x
