"""What holds for every metric.

Both sides are random but fixed: two-dimensional samples, which are their own features, and logits
of four classes. Other datasets that a metric looks at are like the reference. ``examples`` of a
metric whose parameters depend on the dimension fit that.
"""

from __future__ import annotations

import dataclasses
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scorebench.plugin.contracts import Evidence, ScoreModel, per_sample
from scorebench.running.cache import ArrayCache
from scorebench.running.context import Context
from scorebench.testing.comparing import worst
from scorebench.testing.outcome import Check, Outcome
from scorebench.testing.random_state import from_two_states

COUNT = 200
LEVELS = (2.0, 0.5)  # that the generated side is said to have walked down
PARTS = ("vectors", "logits", "samples")
WORD = re.compile(r"[A-Za-z]\w*")
ORDER_TOLERANCE = 1e-9  # of sums in another order, in float64
PRECISION_TOLERANCE = 1e-4  # of numbers made of float32, some of whose digits cancel

Array: TypeAlias = npt.NDArray[Any]
Columns: TypeAlias = Mapping[str, float]


class StandardNormal(ScoreModel):
    """N(0, I) in two dimensions: what the generated side is said to be sampled from."""

    event_shape = (2,)
    device = torch.device("cpu")
    dtype = torch.float64

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return -x / (1 + per_sample(sigma, x) ** 2)


def evidence(metric: Any, context: Context, *, generated: bool, count: int = 0) -> Evidence:
    """One side, of ``count`` samples or as many as will do, with what the metric needs."""
    count = count or max(COUNT, 2 * metric.minimum_samples)
    if not generated:
        names = enumerate(metric.datasets, start=2)
        others = {name: _drawn(metric, count, seed) for seed, name in names}
        return dataclasses.replace(_drawn(metric, count, seed=0), others=others)
    side = _drawn(metric, count, seed=1, mean=1, std=0.7)
    if "model" not in metric.needs:
        return side
    return dataclasses.replace(
        side, model=StandardNormal(), sigmas=np.array(LEVELS), context=context
    )


def _drawn(metric: Any, count: int, seed: int, mean: float = 0, std: float = 1) -> Evidence:
    rng = np.random.default_rng(seed)
    samples = rng.normal(mean, std, size=(count, 2))
    logits = 2 * rng.normal(size=(count, 4))
    return Evidence(
        count=count,
        vectors=samples.copy() if "features" in metric.needs else None,
        logits=logits if "logits" in metric.needs else None,
        samples=samples if "samples" in metric.needs else None,
    )


def measure(metric: Any, context: Context, reference: Evidence, generated: Evidence) -> Columns:
    """The metric's columns."""
    columns: Columns = metric.compute(metric.prepare(reference, context), generated)
    return columns


def sides(metric: Any, context: Context) -> tuple[Evidence, Evidence]:
    """Reference and generated evidence."""
    return evidence(metric, context, generated=False), evidence(metric, context, generated=True)


def mapped(side: Evidence, change: Callable[[Array], Array]) -> Evidence:
    """Evidence with every array changed alike, those of other datasets too."""
    changes: dict[str, Any] = {name: change(array) for name, array in parts(side)}
    others = {name: mapped(other, change) for name, other in side.others.items()}
    return dataclasses.replace(side, **changes, others=others)


def parts(side: Evidence) -> Iterator[tuple[str, Array]]:
    """The arrays of a side, by name."""
    for name in PARTS:
        if (array := getattr(side, name)) is not None:
            yield name, array


def gap(first: Columns, second: Columns) -> float:
    """The largest relative difference between columns; infinite where names differ."""
    if first.keys() != second.keys():
        return math.inf
    pairs = [(first[name], second[name]) for name in first]
    return worst([abs(a - b) / max(abs(a), abs(b), 1e-300) for a, b in pairs])


def finite_columns(component: Any, context: Context) -> Outcome:
    """Columns are named by words and hold finite numbers; ``better`` ranks only those there are."""
    columns = measure(component, context, *sides(component, context))
    problems = [f"{name!r} isn't a word" for name in columns if not WORD.fullmatch(name)]
    problems += [f"{n} is {v}" for n, v in columns.items() if not math.isfinite(v)]
    problems += [
        f"better names {n}, which isn't measured" for n in component.better.keys() - columns
    ]
    problems += [
        f"better says {way!r} of {name}; say lower or higher"
        for name, way in component.better.items()
        if way not in ("lower", "higher")
    ]
    found = ", ".join(f"{name} = {value:.4g}" for name, value in columns.items())
    problems += [] if columns else ["there are no columns"]
    return Outcome("finite columns", not problems, problems[0] if problems else found)


def state_survives_storage(component: Any, context: Context) -> Outcome:
    """What ``prepare`` returns is named arrays that come back from a file to the same effect.

    It is kept across cells and runs; 0-dimensional arrays come back with one element.
    """
    reference, generated = sides(component, context)
    with tempfile.TemporaryDirectory() as folder:
        first, second = (
            ArrayCache(Path(folder)).load("state", lambda: component.prepare(reference, context))
            for _ in range(2)
        )
    direct = measure(component, context, reference, generated)
    error = gap(component.compute(second, generated), direct)
    message = (
        f"{len(first)} arrays, written to a file and read again: columns differ by {error:.1e}"
    )
    return Outcome("state survives storage", error == 0, message)


def input_untouched(component: Any, context: Context) -> Outcome:
    """Evidence and prepared state are left as they were: other metrics and cells use them too."""
    reference, generated = sides(component, context)
    state = component.prepare(reference, context)
    kept = {name: np.array(array) for name, array in state.items()}
    component.compute(state, generated)
    fresh = sides(component, context)
    pairs = {f"state {name}": (state[name], array) for name, array in kept.items()}
    seen = {"real": reference, **reference.others, "generated": generated}
    new = {"real": fresh[0], **fresh[0].others, "generated": fresh[1]}
    for side in seen:
        for (name, now), (_, before) in zip(parts(seen[side]), parts(new[side]), strict=True):
            pairs[f"{side} {name}"] = (now, before)
    spoilt = [name for name, (now, before) in pairs.items() if not np.array_equal(now, before)]
    told = f"changes {', '.join(spoilt)}" if spoilt else f"{len(pairs)} arrays are untouched"
    return Outcome("input untouched", not spoilt, told)


def same_values_again(component: Any, context: Context) -> Outcome:
    """Values don't depend on the global random state; random subsets need a seed."""
    first, second = from_two_states(lambda: measure(component, context, *sides(component, context)))
    message = f"measured twice under two global random states: differs by {gap(first, second):.1e}"
    return Outcome("same values again", gap(first, second) == 0, message)


def reference_in_any_order(component: Any, context: Context) -> Outcome:
    """The reference is a set: its order in a file says nothing, up to sums in another order."""
    reference, generated = sides(component, context)
    turned = measure(component, context, mapped(reference, shuffled), generated)
    error = gap(turned, measure(component, context, reference, generated))
    message = f"with the reference shuffled, columns differ by {error:.1e}"
    return Outcome("reference in any order", error <= ORDER_TOLERANCE, message)


def generated_in_any_order(component: Any, context: Context) -> Outcome:
    """How much the order of the generated samples matters, for information.

    The Inception Score as published cuts them into splits in their order.
    """
    reference, generated = sides(component, context)
    turned = measure(component, context, reference, mapped(generated, shuffled))
    error = gap(turned, measure(component, context, reference, generated))
    message = f"with the generated samples shuffled, columns differ by {error:.1e}"
    return Outcome("generated in any order", None, message)


def fewest_samples(component: Any, context: Context) -> Outcome:
    """``minimum_samples`` on both sides are enough: a suite of fewer is refused."""
    least = component.minimum_samples
    few = [evidence(component, context, generated=side, count=least) for side in (False, True)]
    columns = measure(component, context, few[0], few[1])
    bad = [name for name, value in columns.items() if not math.isfinite(value)]
    told = f"{', '.join(bad)} not finite" if bad else "all columns are finite"
    return Outcome("fewest samples", not bad, f"{told} with {least} samples on either side")


def either_precision(component: Any, context: Context) -> Outcome:
    """Evidence in float32 and in float64 gives the same to 1e-4: sums are taken in float64."""
    reference, generated = sides(component, context)
    single = [mapped(side, lambda a: a.astype(np.float32)) for side in (reference, generated)]
    double = measure(component, context, reference, generated)
    error = gap(measure(component, context, single[0], single[1]), double)
    message = f"columns of evidence in float32 and in float64 differ by {error:.1e}"
    return Outcome("either precision", error <= PRECISION_TOLERANCE, message)


def shuffled(array: Array) -> Array:
    """Rows in another order, the same for all arrays of a side."""
    return array[np.random.default_rng(2).permutation(len(array))]


CHECKS: tuple[Check, ...] = (
    finite_columns,
    state_survives_storage,
    input_untouched,
    same_values_again,
    reference_in_any_order,
    generated_in_any_order,
    fewest_samples,
    either_precision,
)
