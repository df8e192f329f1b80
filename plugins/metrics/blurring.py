"""Data blurred to noise levels, in batches that bound the memory of a network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import ScoreModel

MOST_ROWS, MOST_NUMBERS = 1024, 2**19  # of a batch


def batch_sizes(count: int, shape: Sequence[int]) -> list[int]:
    """How many samples of a shape to take at a time, ``count`` in all."""
    most = max(1, min(MOST_ROWS, MOST_NUMBERS // max(1, math.prod(shape))))
    return [min(most, count - start) for start in range(0, count, most)]


def blurred(
    clean: np.ndarray[Any, Any], sigmas: Sequence[float], model: ScoreModel, seed: int
) -> Iterator[tuple[int, Tensor, Tensor, Tensor]]:
    """The data x₀ blurred to x = x₀ + σz, in batches and each batch to every noise level.

    Args:
        clean: x₀ ``[N, *event]``.
        sigmas: the noise levels.
        model: that will be asked there.
        seed: of z from N(0, I), the same at every level.

    Yields:
        The number of the level, x ``[B, *event]`` and σ ``[]`` as the model takes them, and z in
        float64 on the CPU.
    """
    wide = torch.promote_types(model.dtype, torch.float32)  # in float16, σ² soon overflows
    rng = np.random.default_rng((seed, 1))  # not what chooses samples
    sizes = batch_sizes(len(clean), clean.shape[1:])
    for x0 in torch.split(torch.from_numpy(clean), sizes):
        z = torch.from_numpy(rng.standard_normal(x0.shape))
        for index, sigma in enumerate(sigmas):
            x = (x0.double() + sigma * z).to(model.device, model.dtype)
            yield index, x, torch.tensor(sigma, device=model.device, dtype=wide), z
