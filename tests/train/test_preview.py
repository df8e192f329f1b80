"""Pictures of samples: grids of images, maps of points, and nothing for the rest."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import scorebench
from scorebench import ScoreModel
from scorebench.train.preview import CELLS, preview

SIGMAS = torch.tensor([1.0, 0.1], dtype=torch.float64)
EULER = scorebench.build("sampler", "euler")


class Known(ScoreModel):
    """Denoises everything to one value."""

    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, shape: tuple[int, ...], value: Tensor | float, bounded: bool) -> None:
        self.event_shape, self.value = shape, value
        self.value_range = (-1.0, 1.0) if bounded else None

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        return 0 * x + self.value


def pixels(png: bytes | None) -> np.ndarray:
    assert png is not None
    return np.asarray(Image.open(io.BytesIO(png)))


def test_images_are_a_grid() -> None:
    found = pixels(preview(Known((1, 8, 8), 1.0, True), EULER, SIGMAS, 4, 0))
    assert found.shape[0] >= 16
    assert (found == 255).sum() >= 4 * 64


def test_points_are_a_map_dense_where_they_are() -> None:
    model = scorebench.load("score_model", "gaussian", mean=[5.0, -3.0], std=[0.1, 0.4])
    found = pixels(preview(model, EULER, SIGMAS, 4, 0)).astype(float)
    found = found[2:-2, 2:-2]  # without the frame
    assert found.shape == (CELLS, CELLS)
    rows, columns = np.nonzero(found)
    assert rows.std() > 2 * columns.std()  # spread upwards, along the second coordinate
    assert abs(columns.mean() - CELLS / 2) < 10
    assert found.max() == 255


def test_what_is_no_picture_is_none() -> None:
    assert preview(Known((3,), 0.0, False), EULER, SIGMAS, 4, 0) is None
    assert preview(Known((1, 8, 8), 0.0, False), EULER, SIGMAS, 4, 0) is None


def test_samples_that_are_not_finite_are_none() -> None:
    model = Known((1, 8, 8), float("nan"), True)
    assert preview(model, EULER, SIGMAS, 4, 0) is None


def test_points_that_are_all_the_same_are_a_map_too() -> None:
    found = pixels(preview(Known((2,), 0.5, False), EULER, SIGMAS, 4, 0))
    assert (found > 0).sum() >= 1
