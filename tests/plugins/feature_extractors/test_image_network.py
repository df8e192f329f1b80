"""What is done to images before a network sees them, on networks that show what they see."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scorebench import UserError
from scorebench_plugins.feature_extractors.image_network import ImageNetwork
from scorebench_plugins.feature_extractors.resizing import resize

CPU = torch.device("cpu")


def images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def extractor(body: Any, head: Any = None, precision: Any = "float32", size: int = 6) -> Any:
    return ImageNetwork("seen", size, body, head, CPU, precision)


def test_a_network_sees_pixels_of_its_size_a_few_images_at_a_time():
    seen = []

    def body(pixels: Tensor) -> Tensor:
        seen.append(pixels)
        return pixels.flatten(1)

    batch = images(20, 3, 9, 5)
    features = extractor(body)(batch)
    assert features.vectors.allclose(resize(batch, 6).flatten(1), atol=1e-4)
    assert features.logits is None
    assert [len(pixels) for pixels in seen] == [8, 8, 4]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in seen)
    assert {p.dtype for p in seen} == {torch.float32}


def test_grey_images_are_repeated():
    grey = images(3, 1, 9, 9)
    extract = extractor(lambda pixels: pixels.flatten(1))
    repeated = extract(grey.expand(-1, 3, -1, -1))
    assert extract(grey).vectors.allclose(repeated.vectors, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
def test_precision_is_that_of_the_body_alone(precision):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer, head = nn.Linear(108, 40), nn.Linear(40, 7)
    computed = []

    def body(pixels: Tensor) -> Tensor:
        computed.append((pixels.dtype, (vectors := layer(pixels.flatten(1) / 255)).dtype))
        return vectors

    batch = images(2, 3, 6, 6)
    features = extractor(body, head, precision)(batch)
    assert computed == [(torch.float32, getattr(torch, precision))]
    assert features.vectors.dtype == features.logits.dtype == torch.float32
    assert not features.vectors.requires_grad
    assert not features.logits.requires_grad
    with torch.no_grad():
        exact = layer(batch.flatten(1) / 255)
        assert features.logits.equal(head(features.vectors))
    error = (features.vectors - exact).abs().max() / exact.abs().max()
    assert error < 2 * torch.finfo(getattr(torch, precision)).eps
    assert (error > 1e-5) == (precision != "float32")


@pytest.mark.parametrize(
    ("batch", "got"),
    [
        (torch.zeros(2, 2, 8, 8, dtype=torch.uint8), "2×8×8 of torch.uint8"),
        (torch.zeros(2, 3, 8, 8), "3×8×8 of torch.float32"),
        (torch.zeros(2, 64, dtype=torch.uint8), "64 of torch.uint8"),
    ],
)
def test_other_samples_are_told(batch, got):
    with pytest.raises(UserError, match=f"seen expects images of 1 or 3 channels.*got {got}"):
        extractor(lambda pixels: pixels.flatten(1))(batch)


def test_an_empty_batch():
    features = extractor(lambda pixels: pixels.mean((2, 3)), nn.Linear(3, 2))(images(0, 3, 5, 5))
    assert features.vectors.shape == (0, 3)
    assert features.logits.shape == (0, 2)
