"""Peak memory is bounded by the batch, not by the number of samples."""

from __future__ import annotations

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
from scorebench.running import kept
from scorebench.suite.load import load_suite
from pathlib import Path

kept.SECONDS = 0.0
for samples in (20, 40, 2020):  # the first loads all that is loaded once
    suite = load_suite("suite.yaml", settings=[f"samples={samples}"])
    inline = EngineOptions(name="inline")
    drive = prepare(suite, results=Path(f"r{samples}"), device="cpu", engine=inline)
    for _, record in drive.run():
        assert record["row"]["status"] == "ok", record
    print(record["row"]["peak_memory_mb"])
"""
MORE = 1980
PICTURE = 3 * 128 * 128  # bytes


def growth(python: Python, tmp_path: Path, gigabytes: str) -> float:
    """Bytes that so many samples more take, where so many GB of them may be kept."""
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "suite.yaml").write_text(SUITE)
    variables = {
        "SCOREBENCH_SAMPLES_GB": gigabytes,
        "SCOREBENCH_CACHE": "cache",
        "MALLOC_MMAP_THRESHOLD_": "131072",  # what is freed goes back to the system, in glibc
    }
    told = python("-c", RUN, **variables).stdout.split()
    _, few, many = map(float, told)
    return (many - few) * 2**20


def test_more_samples_take_no_more_memory(python: Python, tmp_path: Path) -> None:
    assert growth(python, tmp_path, "0") < MORE * 4 * PICTURE / 20


def test_samples_that_are_kept_are_in_memory_once(python: Python, tmp_path: Path) -> None:
    assert growth(python, tmp_path, "2") < MORE * PICTURE * 1.1
    kept = [path.stat().st_size for path in (tmp_path / "cache" / "samples").iterdir()]
    assert max(kept) > MORE * PICTURE
