"""A picture of a model's samples: a grid of images, or a map of points in the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from scorebench.errors import DivergenceError
from scorebench.plugin.contracts import Sampler, ScoreModel
from scorebench.running.picture import png
from scorebench.running.pixels import shows_images, to_uint8
from scorebench.running.sampling import sample

POINTS = 4096  # for a map
CELLS = 128  # of a map along each axis


def preview(
    model: ScoreModel, sampler: Sampler, sigmas: torch.Tensor, count: int, seed: int
) -> bytes | None:
    """Samples as a PNG: a grid of ``count`` images, or where points in the plane are dense.

    None where samples are neither, or not finite.
    """
    shape, bounds = tuple(model.event_shape), model.value_range
    try:
        if bounds is not None and shows_images(shape, bounds):
            x = sample(model, sampler, sigmas, count, seed=seed).x
            return png(to_uint8(x, bounds).cpu().numpy())
        if shape == (2,):
            x = sample(model, sampler, sigmas, POINTS, seed=seed, batch_size=POINTS).x
            return png(_density(x.double().cpu().numpy())[None, None])
    except DivergenceError:
        return None
    return None


def _density(points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """How many points there are in each cell of the square around 98 % of them, as grey values."""
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    half = max(float((high - low).max()), 1e-9) * 0.6
    centre = (low + high) / 2
    around = [(c - half, c + half) for c in centre]
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=CELLS, range=around)
    grey = 255 * np.sqrt(counts / max(counts.max(), 1))
    pixels: np.ndarray[Any, Any] = np.rint(grey.T[::-1]).astype(np.uint8)
    return pixels
