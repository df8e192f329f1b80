"""Every shipped component against the laws of its kind; a new one is tested by being registered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import scorebench
from scorebench.testing import conformance, run_checks

test_score_models = conformance("score_model")
test_noise_schedules = conformance("noise_schedule")
test_samplers = conformance("sampler")
test_datasets = conformance("dataset")
test_feature_extractors = conformance("feature_extractor")
test_metrics = conformance("metric")


@pytest.mark.parametrize("name", ["image_folder", "cifar10"])
def test_datasets_of_files(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for label in ("cat", "dog"):
        folder = tmp_path / "train" / label
        folder.mkdir(parents=True)
        for index in range(5):
            pixels = rng.integers(256, size=(32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    dataset = scorebench.build("dataset", name, path=tmp_path, split="train")
    outcomes = list(run_checks("dataset", dataset))
    assert [o for o in outcomes if not o.passed] == []
    assert len(outcomes) >= 4
