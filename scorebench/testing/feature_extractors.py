"""What holds for every feature extractor.

It is tried on the context's dataset, or else on random images and vectors of common shapes, of
which it must accept one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from scorebench.errors import ScorebenchError
from scorebench.plugin.contracts import Features
from scorebench.running.context import Context
from scorebench.testing.comparing import company_matters, difference
from scorebench.testing.outcome import Check, Outcome
from scorebench.testing.precision import rounding
from scorebench.testing.random_state import from_two_states

ROWS = 6
IMAGES = ((1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64))
VECTORS = ((2,), (64,))

Extract = Callable[[Tensor], Features]


def accepted(extract: Extract, context: Context) -> Tensor:
    """Samples ``[6, *event]`` that an extractor takes.

    Raises:
        Exception: that of the extractor at the first samples, where it takes none.
    """
    if context.default_dataset is not None:
        return context.dataset().x[:ROWS]
    generator = torch.Generator().manual_seed(0)
    images = (
        torch.randint(256, (ROWS, *s), generator=generator, dtype=torch.uint8) for s in IMAGES
    )
    vectors = (torch.randn(ROWS, *s, generator=generator) for s in VECTORS)
    refusal: Exception | None = None
    for batch in (*images, *vectors):
        try:
            extract(batch)
        except (ScorebenchError, RuntimeError, ValueError) as error:
            refusal = refusal or error
        else:
            return batch
    assert refusal is not None
    raise refusal


def vectors_and_logits(component: Any, context: Context) -> Outcome:
    """A batch becomes finite vectors ``[B, d]`` and, where it classifies, logits ``[B, c]``."""
    extract = component.load(context)
    batch = accepted(extract, context)
    features = extract(batch)
    parts = {"vectors": features.vectors, "logits": features.logits}
    for name, part in parts.items():
        if part is None and name == "logits":
            continue
        good = part.ndim == 2 and len(part) == ROWS and part.is_floating_point()
        if not (good and part.isfinite().all()):
            message = f"{name} of {ROWS} samples are {part.dtype} {list(part.shape)}, or not finite"
            return Outcome("vectors and logits", False, message)
    logits = "no logits" if features.logits is None else f"{features.logits.shape[1]} logits"
    message = f"{list(batch.shape[1:])} become {features.vectors.shape[1]} features and {logits}"
    return Outcome("vectors and logits", True, message)


def same_features_again(component: Any, context: Context) -> Outcome:
    """Features don't depend on the global random state: no dropout, no random crops or weights."""

    def compute() -> Tensor:
        extract = component.load(context)
        return _joined(extract(accepted(extract, context)))

    first, second = from_two_states(compute)
    error = difference(second, first)
    message = f"loaded and called twice under two global random states: differs by {error:.1e}"
    return Outcome("same features again", error <= rounding(first.dtype), message)


def batch_invariance(component: Any, context: Context) -> Outcome:
    """A sample's features don't depend on its batch: no statistics are taken across it."""
    extract = component.load(context)
    batch = accepted(extract, context)
    error = company_matters(lambda index: _joined(extract(batch[index])), ROWS)
    message = f"alone, in a batch and among shuffled neighbours: differs by at most {error:.1e}"
    return Outcome("batch invariance", error <= rounding(extract(batch).vectors.dtype), message)


def no_trace(component: Any, context: Context) -> Outcome:
    """Samples are left as they were, and no autograd graph keeps the network's activations."""
    extract = component.load(context)
    batch = accepted(extract, context)
    before = batch.clone()
    with torch.enable_grad():
        graph = _joined(extract(batch)).requires_grad
    if graph or not torch.equal(batch, before):
        message = "leaves an autograd graph" if graph else "changes the samples it is shown"
        return Outcome("no trace", False, message)
    return Outcome("no trace", True, "the samples are untouched and no autograd graph is left")


def _joined(features: Features) -> Tensor:
    if features.logits is None:
        return features.vectors
    return torch.cat([features.vectors, features.logits], dim=1)


CHECKS: tuple[Check, ...] = (vectors_and_logits, same_features_again, batch_invariance, no_trace)
