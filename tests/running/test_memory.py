"""Peak memory is bounded by the batch, not by the number of samples."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Python

PLUGIN = """
from dataclasses import dataclass
import torch
import scorebench


class Pictures(scorebench.ScoreModel):
    event_shape, value_range = (3, 128, 128), (0.0, 1.0)
    device, dtype = torch.device("cpu"), torch.float32

    def denoise(self, x, sigma):
        return x.clamp(0, 1)

    def draw(self, count, noise):
        return noise.uniform()


@dataclass(frozen=True, kw_only=True)
class Model:
    def load(self, context):
        return Pictures()


@dataclass(frozen=True, kw_only=True)
class Means(scorebench.FeatureExtractor):
    def load(self, context):
        return lambda batch: scorebench.Features(batch.float().mean((2, 3)))


@scorebench.hookimpl
def scorebench_score_models():
    yield scorebench.Component("pictures", Model)


@scorebench.hookimpl
def scorebench_feature_extractors():
    yield scorebench.Component("means", Means)
"""
SUITE = """
name: memory
samples: 20
batch_size: 20
plugins: [plugin.py]
reference: model
features: means
metrics: [fid]
sweep: [{model: pictures, schedule: {name: geometric, n: 2}, sampler: euler}]
"""
RUN = """
import json, resource, sys
import scorebench
from scorebench.engine.base import EngineOptions
from scorebench.engine.drive import prepare
from scorebench.suite.load import load_suite
from pathlib import Path

for samples in (400, 4400):
    suite = load_suite("suite.yaml", settings=[f"samples={samples}"])
    inline = EngineOptions(name="inline")
    drive = prepare(suite, results=Path(f"r{samples}"), device="cpu", engine=inline)
    for _, record in drive.run():
        assert record["row"]["status"] == "ok", record
    print(record["row"]["peak_memory_mb"])
"""


def test_more_samples_take_no_more_memory(tmp_path: Path, python: Python) -> None:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "suite.yaml").write_text(SUITE)
    few, many = json.loads(f"[{','.join(python('-c', RUN).stdout.split())}]")
    all_samples = 4000 * 3 * 128 * 128 * 4 / 2**20
    assert many - few < all_samples / 2  # what freed memory is left in pieces varies by 0.1 GB
