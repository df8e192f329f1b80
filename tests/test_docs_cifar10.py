"""The CIFAR-10 sweeps run; their images and weights are stood in for."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scorebench.engine.drive import prepare
from scorebench.suite.load import load_suite

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "cifar10.md").read_text()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder like that of CIFAR-10: smooth colours, 60 to train on and 60 to test by."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for kind in ("airplane", "truck"):
            folder = tmp_path / "images" / split / kind
            folder.mkdir(parents=True)
            for i in range(30):
                small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
                small.resize((32, 32), Image.Resampling.BICUBIC).save(folder / f"{i:04}.png")
    return tmp_path / "images"


def test_the_plan_of_the_large_sweep(images: Path, tmp_path: Path) -> None:
    settings = [f"dataset.path={images}", "sweep[*].model=factor_mixture"]
    suite = load_suite(ROOT / "suites" / "cifar_sweep.yaml", settings=settings)
    drive = prepare(suite, results=tmp_path / "results", device="cpu")
    evaluations = sum(cell.nfe or 0 for cell in drive.pending) * suite.samples
    told = re.search(r"takes (\d+)\s+cells and about (\d+) million evaluations", TEXT)
    assert told is not None
    assert len(drive.pending) == int(told[1])
    assert evaluations == pytest.approx(int(told[2]) * 1e6, rel=0.01)
    assert {work.summary for work in drive.extractions} == {"features of cifar10"}


@pytest.mark.slow
def test_the_small_sweep_runs(images: Path, tmp_path: Path) -> None:
    settings = [
        f"dataset.path={images}",
        "samples=20",
        "features.size=32",
        "sweep[*].model.components=2",
        "sweep[*].model.rank=4",
        "sweep[*].schedule.n=10",
    ]
    suite = load_suite(ROOT / "suites" / "cifar_sweep_offline.yaml", settings=settings)
    drive = prepare(suite, results=tmp_path / "results", device="cpu")
    list(drive.run())
    table = drive.table
    assert table is not None
    assert (table["status"] == "ok").all()
    assert (table["features"] == "efficientnet_lite0").all()
    assert set(table["sampler"]) >= {"annealed_langevin", "predictor_corrector", "heun"}
    assert table[["fid", "kid", "inception_score", "precision", "recall"]].notna().all(axis=None)
