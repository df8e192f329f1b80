from __future__ import annotations

import pytest
import torch

from scorebench.running.pixels import shows_images, to_uint8


def test_the_value_range_is_mapped_to_bytes_and_clamped() -> None:
    x = torch.tensor([-3.0, -1.0, 0.0, 1.0, 9.0]).reshape(1, 1, 1, 5)
    assert to_uint8(x, (-1, 1)).flatten().tolist() == [0, 0, 128, 255, 255]


def test_values_are_rounded_to_the_nearest_byte_not_cut() -> None:
    x = torch.tensor([0.4, 0.6, 254.4, 254.6]).reshape(1, 1, 2, 2)
    assert to_uint8(x, (0, 255)).flatten().tolist() == [0, 1, 254, 255]


@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)])
def test_every_byte_survives_the_way_to_data_units_and_back(
    value_range: tuple[float, float],
) -> None:
    low, high = value_range
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    x = low + (high - low) * pixels.float() / 255
    assert torch.equal(to_uint8(x, value_range), pixels)


def test_only_bounded_three_dimensional_samples_are_images() -> None:
    assert shows_images((1, 8, 8), (-1, 1))
    assert not shows_images((1, 8, 8), None)
    assert not shows_images((2,), (-1, 1))
