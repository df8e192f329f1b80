"""What holds for every dataset."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch

from scorebench.running.context import Context
from scorebench.running.fingerprint import data_digest
from scorebench.testing.outcome import Check, Outcome
from scorebench.testing.random_state import from_two_states

LOOKED_AT = 1024  # samples read from a dataset, which may be larger than memory


def images_or_numbers(component: Any, context: Context) -> Outcome:
    """Images are uint8 ``[N, C, H, W]`` with value range (0, 255); else finite floats within it.

    The harness scales by the value range and compares images as 8-bit ones, whatever made them.
    """
    data = component.load(context)
    x, bounds = data.x[:LOOKED_AT], data.value_range
    problem = ""
    if len(data) == 0 or tuple(x.shape[1:]) != data.event_shape:
        problem = f"{len(data)} samples of {data.event_shape}, but a slice is {list(x.shape)}"
    elif x.dtype != data.x.dtype:
        problem = f"x says it is {data.x.dtype}, but a slice is {x.dtype}"
    elif x.dtype == torch.uint8:
        if x.ndim != 4 or bounds is None or tuple(bounds) != (0, 255):
            problem = f"uint8 samples are images: [N, C, H, W] in (0, 255), not in {bounds}"
    elif not (x.is_floating_point() and x.isfinite().all()):
        problem = f"samples that aren't uint8 must be finite floats, got {x.dtype}"
    elif bounds is not None and not (bounds[0] <= x.min() and x.max() <= bounds[1]):
        problem = f"samples from {x.min():.4g} to {x.max():.4g} leave value_range {bounds}"
    told = problem or f"{len(data)} samples of {list(data.event_shape)}, {x.dtype}"
    return Outcome("images or numbers", not problem, told)


def slices_in_order(component: Any, context: Context) -> Outcome:
    """Slices of any size give the same samples in the same order, the last one what is left."""
    data = component.load(context)
    head, count = data.x[:LOOKED_AT], len(data)
    for size in (1, 7, LOOKED_AT):
        parts = list(itertools.islice(data.batches(size), math.ceil(len(head) / size)))
        whole = all(len(part) == size for part in parts[:-1])
        if not whole or not torch.equal(torch.cat(parts)[: len(head)], head):
            return Outcome("slices in order", False, f"slices of {size} give other samples")
    left = min(3, count)
    rest = len(data.x[count - left : count + 3])
    message = f"slices of 1, 7 and {LOOKED_AT} agree, and the last one ends with the data"
    if rest != left:
        message = f"a slice over the end gives {rest} samples where {left} are left"
    return Outcome("slices in order", rest == left, message)


def whole_labels(component: Any, context: Context) -> Outcome:
    """Labels, where there are any, are one int64 a sample, counted from 0."""
    data = component.load(context)
    labels = data.labels
    if labels is None:
        return Outcome("whole labels", None, "there are no labels")
    if labels.dtype != torch.int64 or tuple(labels.shape) != (len(data),):
        message = f"labels are {labels.dtype} {list(labels.shape)}, not int64 [{len(data)}]"
        return Outcome("whole labels", False, message)
    least, most = int(labels.min()), int(labels.max())
    message = f"{len(labels.unique())} classes from {least} to {most}"
    return Outcome("whole labels", least >= 0, message)


def same_data_again(component: Any, context: Context) -> Outcome:
    """Loading twice gives the same data, whatever the global random state: cells are compared."""
    first, second = from_two_states(lambda: data_digest(component.load(context)))
    told = f"both times, {first[:8]}" if first == second else f"{first[:8]}, then {second[:8]}"
    return Outcome("same data again", first == second, f"loaded twice, the digest is {told}")


CHECKS: tuple[Check, ...] = (images_or_numbers, slices_in_order, whole_labels, same_data_again)
