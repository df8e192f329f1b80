"""Where a score model is tried: at data of its own, blurred.

Levels go from far below to far above the data's spread. Where the model can't draw, the data is
uniform in its value range, or normal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from scorebench.errors import UserError
from scorebench.plugin.contracts import ScoreModel
from scorebench.running.noise import StreamNoise

LEVELS = (0.05, 0.5, 2.0, 20.0)  # in units of the data's spread


def noise(model: ScoreModel, rows: range, seed: int = 0) -> StreamNoise:
    """Streams of some samples' noise."""
    return StreamNoise(seed, rows, model.event_shape, device=model.device, dtype=model.dtype)


def data_of(model: Any, count: int) -> Tensor:
    """Data as the model knows it, ``[count, *event]``."""
    source = noise(model, range(count))
    if hasattr(model, "draw"):
        drawn: Tensor = model.draw(count, source)
        return drawn
    if model.value_range is None:
        return source.normal()
    low, high = map(float, model.value_range)
    return low + (high - low) * source.uniform()


def spread_of(data: Tensor) -> float:
    """The standard deviation of a coordinate, in root mean square; 1 where data doesn't vary."""
    return float(data.double().std(0).square().mean().sqrt()) or 1.0


def blurred(model: ScoreModel, data: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The data blurred to each level, ``[B, *event]``, and the level ``[]``.

    A model that refuses to be asked at a level above 0 is asked at 0 alone.
    """
    spread = spread_of(data)
    levels = [spread * level for level in LEVELS]
    sigma = torch.tensor(spread, dtype=model.dtype, device=model.device)
    try:
        model.score(data[:1], sigma)
    except UserError:
        levels = [0.0]
    generator = torch.Generator().manual_seed(1)
    normal = torch.randn(data.shape, generator=generator, dtype=torch.float64).to(data)
    for level in levels:
        yield data + level * normal, torch.full_like(sigma, level)
