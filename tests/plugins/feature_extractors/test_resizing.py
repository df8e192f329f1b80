"""The resize against clean-fid's, which goes image by image and channel by channel through PIL."""

from __future__ import annotations

import pytest
import torch
from cleanfid.resize import build_resizer, make_resizer
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from scorebench_plugins.feature_extractors.resizing import resize

pytestmark = pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")

clean = build_resizer("clean")


def images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def by_clean_fid(batch: Tensor, resizer=clean) -> Tensor:
    return torch.stack(
        [torch.from_numpy(resizer(x)) for x in batch.movedim(1, -1).numpy()]
    ).movedim(-1, 1)


@pytest.mark.parametrize(
    ("height", "width"),
    [(32, 32), (28, 28), (512, 512), (299, 299), (1, 1), (8, 40), (600, 16), (300, 298)],
)
def test_agrees_with_clean_fid(height, width):
    batch = images(2, 3, height, width)
    found = resize(batch, 299)
    assert found.dtype == torch.float32
    assert found.shape == (2, 3, 299, 299)
    assert (found - by_clean_fid(batch)).abs().max() < 1e-4


@pytest.mark.parametrize("size", [7, 32, 224])
def test_agrees_with_pil_at_other_sizes(size):
    batch = images(3, 3, 50, 31)
    resizer = make_resizer("PIL", False, "bicubic", (size, size))
    assert (resize(batch, size) - by_clean_fid(batch, resizer)).abs().max() < 1e-4


def test_what_overshoots_is_clipped():
    edges = images(2, 3, 16, 16) // 128 * 255
    found = resize(edges, 299)
    assert found.min() == 0
    assert found.max() == 255
    assert (found - by_clean_fid(edges)).abs().max() < 1e-4


def test_an_image_of_the_size_stays_as_it_is():
    batch = images(1, 1, 30, 30)
    assert resize(batch, 30).equal(batch.float())


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
def test_a_flat_image_stays_flat(height, width, size, value):
    flat = torch.full((1, 1, height, width), value, dtype=torch.uint8)
    assert (resize(flat, size) - value).abs().max() < 1e-4


@given(st.integers(1, 40), st.integers(1, 40))
def test_turning_and_resizing_change_places(height, width):
    batch = images(1, 2, height, width)
    turned = resize(batch.flip(-1).mT, 20)
    assert (turned - resize(batch, 20).flip(-1).mT).abs().max() < 1e-4


def test_channels_and_images_are_kept_apart():
    batch = images(3, 3, 9, 9)
    found = resize(batch, 20)
    for i in range(3):
        for c in range(3):
            alone = resize(batch[i : i + 1, c : c + 1], 20)[0, 0]
            assert found[i, c].allclose(alone, atol=1e-4)
