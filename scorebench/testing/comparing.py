"""How far numbers lie apart."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def difference(found: Tensor, expected: Tensor) -> float:
    """The largest |found − expected|, in units of the largest |expected|; NaN where one is.

    Raises:
        ValueError: the shapes differ.
    """
    if found.shape != expected.shape:
        raise ValueError(f"got shape {list(found.shape)} instead of {list(expected.shape)}")
    largest = expected.abs().max().clamp_min(torch.finfo(expected.dtype).tiny)
    return float((found - expected).abs().max() / largest)


def company_matters(rows: Callable[[Tensor], Tensor], count: int) -> float:
    """How much results change with the batch they are computed in; see ``difference``.

    Each row is computed with all others, alone, in half of the batch, and among all others in
    another order.

    Args:
        rows: computes the rows of an index ``[k]`` together, ``[k, ...]``.
        count: number of rows there are.
    """
    index = torch.arange(count)
    together = rows(index)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([rows(index[i : i + 1]) for i in range(count)])
    halves = torch.cat([rows(index[: count // 2]), rows(index[count // 2 :])])
    others = (alone, halves, rows(order)[order.argsort()])
    return worst([difference(other, together) for other in others])


def worst(numbers: list[float]) -> float:
    """The largest of some numbers; NaN where one of them is, which ``max`` may hide."""
    return float(torch.tensor(numbers, dtype=torch.float64).max())
