"""``python -m benchmarks.cells``: what a cell costs besides sampling, features and metrics.

Goals: under 10 ms a cell, and a cost that doesn't grow with the number of cells. Also how long
expanding 10,000 cells takes (goal: under 2 s).
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch
import yaml

from scorebench.engine.base import EngineOptions
from scorebench.engine.drive import prepare
from scorebench.suite.load import load_suite

SIZES = (100, 300, 1000)


def write_suite(folder: Path, cells: int) -> Path:
    """A suite of trivial cells: two samples of a two-dimensional Gaussian, one Langevin step."""
    path = folder / f"suite_{cells}.yaml"
    suite = {
        "name": f"trivial_{cells}",
        "samples": 2,
        "reference": "model",
        "features": "identity",
        "metrics": ["fid"],
        "sweep": [
            {
                "model": {"name": "gaussian", "mean": [0.0, 0.0]},
                "schedule": {"name": "constant", "sigma": 1.0},
                "sampler": {
                    "name": "langevin",
                    "steps": 1,
                    "step_size": [i / cells for i in range(1, cells + 1)],
                },
            }
        ],
    }
    path.write_text(yaml.safe_dump(suite))
    return path


def main() -> None:
    """Print the cost per cell at several numbers of cells, then the time to expand 10,000."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("Cost of a cell outside sampling, features and metrics")
        for cells in SIZES:
            started = time.perf_counter()
            drive = prepare(
                load_suite(write_suite(folder, cells)),
                results=folder / str(cells),
                engine=EngineOptions(name="inline"),
            )
            inside = 0.0
            for _, record in drive.run():
                row = record["row"]
                assert row["status"] == "ok", row["error"]
                inside += row["seconds_sampling"] + row["seconds_features"]
                inside += row["seconds_metrics"]
            outside = time.perf_counter() - started - inside
            print(f"  {cells:>5} cells: {outside / cells * 1e3:5.2f} ms a cell")
        path = write_suite(folder, 10_000)
        started = time.perf_counter()
        points = len(load_suite(path).points)
        loaded = time.perf_counter()
        drive = prepare(load_suite(path), results=folder / "many")
        print(f"Reading, validating and expanding {points} cells: {loaded - started:.2f} s;")
        print(f"  with fingerprints, as a dry run does: {time.perf_counter() - loaded:.2f} s")
        assert len(drive.plan.cells) == points


if __name__ == "__main__":
    main()
