"""``python -m benchmarks.large_cell``: what a cell of 10,000 images and 2048 features costs.

Every image metric at once, against a reference of as many images (or ``--reference 50000``). The
model and the network are stand-ins that cost next to nothing, so that what is left is the harness
and the metrics.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

import scorebench
from scorebench import Component, Context, Data, Features

SHAPE = (3, 32, 32)
METRICS = ["fid", "kid", "inception_score", "precision_recall", "authenticity", "vendi"]


class Blob(scorebench.ScoreModel):
    """Grey images with noise of standard deviation 0.5: N(0, 0.25·I)."""

    def __init__(self, context: Context) -> None:
        self.event_shape, self.value_range = SHAPE, (-1.0, 1.0)
        self.device, self.dtype = context.device, context.dtype

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x * (0.25 / (0.25 + sigma**2))


@dataclass(frozen=True, kw_only=True)
class BlobModel:
    """Loads the model."""

    def load(self, context: Context) -> Blob:
        return Blob(context)


@dataclass(frozen=True, kw_only=True)
class Noise(scorebench.Dataset):
    """Random images."""

    count: int

    def load(self, context: Context) -> Data:
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(256, (self.count, *SHAPE), generator=generator, dtype=torch.uint8)
        return Data(images, value_range=(0, 255))


@dataclass(frozen=True, kw_only=True)
class Projection(scorebench.FeatureExtractor):
    """2048 features and 1008 logits by random matrices."""

    def load(self, context: Context) -> Callable[[Tensor], Features]:
        generator = torch.Generator().manual_seed(0)
        first = torch.randn(3 * 32 * 32, 2048, generator=generator) / 55
        second = torch.randn(2048, 1008, generator=generator) / 45

        def extract(images: Tensor) -> Features:
            vectors = (images.flatten(1).float() / 64 @ first).relu()
            return Features(vectors, vectors @ second)

        return extract


@scorebench.hookimpl
def scorebench_score_models() -> Iterator[Component]:
    yield Component("blob", BlobModel)


@scorebench.hookimpl
def scorebench_datasets() -> Iterator[Component]:
    yield Component("noise", Noise)


@scorebench.hookimpl
def scorebench_feature_extractors() -> Iterator[Component]:
    yield Component("projection", Projection)


def suite(samples: int, reference: int) -> dict[str, Any]:
    """Two cells, so that the second shows what is left over from the first."""
    return {
        "name": "large_cell",
        "samples": samples,
        "batch_size": 500,
        "dataset": {"name": "noise", "count": reference},
        "features": "projection",
        "metrics": METRICS,
        "plugins": [str(Path(__file__).resolve())],
        "sweep": [{"model": "blob", "schedule": "karras", "sampler": ["euler", "heun"]}],
    }


def main() -> None:
    """Print a line for each cell."""
    parser = argparse.ArgumentParser(description="A cell of many images and features.")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--reference", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "suite.yaml"
        path.write_text(yaml.safe_dump(suite(given.samples, given.reference)))
        table = scorebench.run(path, results=Path(folder) / "results")
    for row in table.to_dict("records"):
        print(
            f"{row['samples']:,} samples against {row['reference_samples']:,}, d = 2048: "
            f"{row['status']}, metrics {row['seconds_metrics']:.1f} s, all {row['seconds']:.1f} s, "
            f"peak of the process {row['peak_memory_mb']:,.0f} MB"
        )


if __name__ == "__main__":
    main()
