from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits

from scorebench import Context
from scorebench_plugins.datasets.digits import Digits


@pytest.mark.parametrize(("split", "count"), [("all", 1797), ("train", 1438), ("test", 359)])
def test_images_and_labels(split, count):
    data = Digits(split=split).load(Context())
    assert data.x.shape == (count, 1, 8, 8)
    assert data.x.dtype == torch.uint8
    assert data.labels.shape == (count,)
    assert data.labels.dtype == torch.int64
    assert data.labels.unique().tolist() == list(range(10))
    assert data.value_range == (0, 255)
    assert (data.x[:].min(), data.x[:].max()) == (0, 255)


def test_splits_are_a_partition_in_order():
    everything, train, test = (
        Digits(split=split).load(Context()) for split in ("all", "train", "test")
    )
    fifth = torch.arange(1797) % 5 == 4
    for part, mask in ((train, ~fifth), (test, fifth)):
        assert part.x[:].equal(everything.x[:][mask])
        assert part.labels.equal(everything.labels[mask])


def test_ink_is_scaled_to_the_nearest_of_256_levels():
    source = load_digits()
    data = Digits().load(Context())
    ink = data.x[:][:, 0].double() * 16 / 255
    assert (ink - torch.from_numpy(source.images)).abs().max() <= 0.5 * 16 / 255
    assert data.labels.tolist() == source.target.tolist()
