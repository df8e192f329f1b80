from __future__ import annotations

import pytest
import torch

from scorebench import Context
from scorebench_plugins.feature_extractors.identity import Identity


def extract(batch):
    return Identity().load(Context())(batch)


def test_images_are_flattened_to_the_unit_interval():
    images = torch.arange(256, dtype=torch.uint8).reshape(2, 2, 8, 8)
    features = extract(images)
    assert features.vectors.shape == (2, 128)
    assert features.vectors.dtype == torch.float32
    assert features.vectors.flatten().allclose(torch.arange(256) / 255)
    assert features.logits is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.int64, torch.float32),
    ],
)
def test_other_samples_keep_their_values(given, kept):
    batch = torch.tensor([[-300.0, 2.0], [0.5, 1.0]]).to(given)
    vectors = extract(batch).vectors
    assert vectors.dtype == kept
    assert vectors.equal(batch.to(kept))


def test_an_empty_batch():
    assert extract(torch.empty(0, 3, 4)).vectors.shape == (0, 12)
