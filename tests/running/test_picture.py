from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from scorebench.running.picture import GAP, SHADE, png, strip


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def opened(images: np.ndarray) -> np.ndarray:
    return decoded(png(images))


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


@pytest.mark.parametrize("channels", [1, 3, 2])
def test_a_strip_has_a_row_for_every_trajectory_and_a_column_for_every_state(
    channels: int,
) -> None:
    shape = (2, 5, channels, 32, 40)
    trajectories = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    shown = decoded(strip(trajectories))
    assert shown.shape[:2] == (2 * (32 + GAP) + GAP, 5 * (40 + GAP) + GAP)
    for row in range(2):
        for column in range(5):
            top, left = GAP + row * (32 + GAP), GAP + column * (40 + GAP)
            tile = shown[top : top + 32, left : left + 40]
            first = tile if tile.ndim == 2 else tile[..., 0]
            assert np.array_equal(first, trajectories[row, column, 0])


def test_small_states_are_enlarged_as_small_images_are() -> None:
    assert decoded(strip(np.zeros((4, 8, 1, 8, 8), np.uint8))).shape == (138, 274)
