from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from scorebench.running.picture import GAP, SHADE, png


def opened(images: np.ndarray) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png(images))))


def test_images_stand_row_by_row_in_a_square_grid() -> None:
    images = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1).repeat(40, 2).repeat(40, 3)
    shown = opened(images)
    assert shown.shape == (2 * 40 + 3 * GAP,) * 2
    assert [int(shown[r, c]) for r in (10, 60) for c in (10, 60)] == [0, 1, 2, 3]
    assert (shown[:GAP] == SHADE).all()
    assert (shown[:, -GAP:] == SHADE).all()


@pytest.mark.parametrize(("channels", "mode"), [(1, 2), (3, 3), (2, 2), (4, 2)])
def test_one_or_three_channels_are_shown_of_others_the_first(channels: int, mode: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, channels, 32, 40), dtype=np.uint8)
    shown = opened(images)
    assert shown.ndim == mode
    first = shown[GAP : GAP + 32, GAP : GAP + 40]
    assert np.array_equal(first if mode == 2 else first[..., 0], images[0, 0])


def test_small_images_are_enlarged() -> None:
    assert opened(np.zeros((1, 1, 8, 8), np.uint8)).shape == (32 + 2 * GAP, 32 + 2 * GAP)
