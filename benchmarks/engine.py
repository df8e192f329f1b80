"""``python -m benchmarks.engine``: what engines cost beyond the cells they run, beside their peers.

Goals: the local engine adds at most 3 ms a cell (median); two workers make a sweep that is bound by
the processor at least 1.7 times as fast; a chain read after 10, 100 and 1,000 steps costs at most
1.05 of its longest; the time left as told after a tenth of the cells is right within a factor of
two; 10,000 cells end in 60 s, and the next run finds them again in 3 s.

All engines run the same cells under the same driver, each with one worker that stays warm. What one
adds is the time from one result to the next, less what the cell itself took.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.cells import write_suite
from benchmarks.engine_peers import Executor, Memorised, loky, standard
from scorebench.engine.base import Engine, EngineOptions, make_engine
from scorebench.engine.drive import Drive, prepare
from scorebench.engine.estimate import seconds_left
from scorebench.running.hardware import usable_cores
from scorebench.suite.load import load_suite

CELLS = 300  # of next to nothing
ROUNDS = 5  # of all that is compared, in turn
CHAIN = 1000  # iterations
MANY = 10_000  # cells
# On the first, torch's operations are too small for more than one thread.
SMALL = {"name": "gaussian", "mean": [0.0] * 64}
DIGITS = {"name": "factor_mixture", "components": 20, "rank": 8}


def write(folder: Path, name: str, model: Any, sampler: Any, repeats: int = 1) -> Path:
    """A suite of Langevin chains."""
    path = folder / f"{name}.yaml"
    suite = {
        "name": name,
        "samples": 1000,
        "repeats": repeats,
        "dataset": "digits",
        "reference": "model",
        "features": "identity",
        "metrics": ["moments"],
        "sweep": [
            {
                "model": model,
                "schedule": {"name": "constant", "sigma": 0.5},
                "sampler": {"name": "langevin", "step_size": 0.01, **sampler},
            }
        ],
    }
    path.write_text(yaml.safe_dump(suite))
    return path


def planned(suite: Path, engine: Engine) -> Drive:
    """A run of a suite by an engine, into a directory of its own."""
    results = Path(tempfile.mkdtemp(dir=suite.parent))
    drive = prepare(load_suite(suite), results=results, device="cpu")
    drive.engine = engine
    return drive


def added(drive: Drive) -> list[float]:
    """Seconds from each result to the next, less those of the cell itself."""
    gaps, last = [], 0.0
    for number, (_, record) in enumerate(drive.run()):
        assert record["row"]["status"] == "ok", record["row"]["error"]
        now = time.perf_counter()
        if number:
            gaps.append(now - last - record["row"]["seconds"])
        last = now
    return gaps


def seconds(drive: Drive) -> float:
    """What a run takes, but for planning."""
    started = time.perf_counter()
    rows = [record["row"] for _, record in drive.run()]
    assert {row["status"] for row in rows} == {"ok"}
    return time.perf_counter() - started


def local(workers: int) -> Engine:
    """The local engine."""
    return make_engine(EngineOptions(workers=workers))


def overhead(folder: Path, ray: str) -> None:
    """Print what each engine adds to a cell."""
    suite = write_suite(folder, CELLS)
    engines: dict[str, Callable[[], Engine]] = {
        "local": lambda: local(1),
        "inline, in no other process": lambda: make_engine(EngineOptions(name="inline")),
        "ray": lambda: make_engine(EngineOptions(name="ray", workers=1, address=ray)),
        "joblib's loky": lambda: Executor(loky),
        "loky and joblib.Memory, as benchopt": lambda: Executor(
            loky, Memorised(Path(tempfile.mkdtemp(dir=folder)))
        ),
        "concurrent.futures": lambda: Executor(standard),
    }
    gaps: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, make in engines.items():
            gaps[name] += added(planned(suite, make()))
    print(f"Added to each of {CELLS} cells of next to nothing, {ROUNDS} rounds")
    for name, found in gaps.items():
        median, ninth = statistics.median(found) * 1e3, statistics.quantiles(found, n=10)[8] * 1e3
        print(f"  {name:<36} median {median:6.2f} ms, nine in ten below {ninth:6.2f} ms")


def speed_up(folder: Path) -> None:
    """Print how much faster two workers are than one."""
    suite = write(folder, "bound", SMALL, {"steps": 2500}, repeats=24)
    ratios = []
    for _ in range(3):
        one, two = (seconds(planned(suite, local(workers))) for workers in (1, 2))
        ratios.append(one / two)
    print(
        f"Two workers on {usable_cores()} cores, 24 cells: {statistics.median(ratios):.2f} times "
        f"as fast as one, which took {one:.1f} s"
    )


def sharing(folder: Path) -> None:
    """Print what a sweep over the length of a chain costs, against its longest alone."""
    inline = EngineOptions(name="inline")
    shared = write(folder, "shared", DIGITS, {"steps": [10, 100, CHAIN]})
    longest = write(folder, "longest", DIGITS, {"steps": CHAIN})
    ratios, costs = [], []
    for _ in range(ROUNDS):
        both = [seconds(planned(suite, make_engine(inline))) for suite in (shared, longest)]
        ratios.append(both[0] / both[1])
        costs.append(both[1])
    print(
        f"steps: [10, 100, {CHAIN:,}] costs {statistics.median(ratios):.3f} times its longest, "
        f"which takes {statistics.median(costs):.2f} s"
    )


def forecast(folder: Path) -> None:
    """Print what is told of the time left after a tenth of the cells, against what it takes."""
    path = write(folder, "unequal", [SMALL, {**DIGITS, "dataset": "digits"}], {})
    suite = yaml.safe_load(path.read_text())
    levels = {"name": "geometric", "n": [5, 20, 80, 200], "sigma_max": 5}
    suite["sweep"][0] |= {"schedule": levels, "sampler": ["euler", "heun", "dpmpp_2m"]}
    path.write_text(yaml.safe_dump({**suite, "repeats": 3}))
    ratios = []
    for _ in range(3):
        drive = planned(path, local(2))
        left, then = None, 0.0
        for number, _row in enumerate(drive.run(), start=1):
            if left is None and number >= len(drive.plan.cells) / 10:
                left = seconds_left(drive.plan_record, drive.finished, workers=2)
                then = time.perf_counter()
        assert left is not None
        ratios.append(left / (time.perf_counter() - then))
    print(
        f"Time left as told after a tenth of {len(drive.plan.cells)} unequal cells, over what it "
        f"was: {', '.join(f'{ratio:.2f}' for ratio in ratios)}"
    )


def resuming(folder: Path) -> None:
    """Print what many cells take to run, and to be found again by the next run."""
    suite = load_suite(write_suite(folder, MANY))
    started = time.perf_counter()
    taken = seconds(prepare(suite, results=folder / "many", engine=EngineOptions(workers=2)))
    planned = time.perf_counter()
    drive = prepare(suite, results=folder / "many", engine=EngineOptions(workers=2))
    found = time.perf_counter()
    assert not drive.pending
    assert len(drive.store.finished(cell.fingerprint for cell in drive.plan.cells)) == MANY
    scanned = time.perf_counter()
    print(
        f"{MANY:,} cells of next to nothing on two workers: {taken:.1f} s, with planning "
        f"{planned - started:.1f} s; found again in {scanned - found:.2f} s, with planning "
        f"{found - planned:.2f} s"
    )


def main(
    parts: Sequence[Callable[[Path], None]] = (speed_up, sharing, forecast, resuming),
) -> None:
    """Print all of it. A Ray cluster of one worker is started, and stopped again."""
    import ray

    os.environ["SCOREBENCH_SAMPLES_GB"] = "0"  # samples are to be drawn every time
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
        overhead(folder, ray.get_runtime_context().gcs_address)
        ray.shutdown()
        for part in parts:
            part(folder)


if __name__ == "__main__":
    main()
