"""``python -m benchmarks.metrics``: metrics against their floor and against other packages.

The contenders of a piece take turns, at 1 thread and then at 2. Printed are seconds (or images a
second), the same as a multiple of ours, and the peak of memory above what there was before. The
goals stand beside the figures in docs/metrics.md. ``--agree`` compares values instead; it takes
seconds, and exits with 1 where a difference exceeds its bound. On Linux with glibc.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib.metadata
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from benchmarks.agreement import agree
from benchmarks.metric_pieces import PIECES, Piece, Run

ROUNDS = 5
ENOUGH = 15.0  # seconds, after which no other round begins
WARM_UP = 0.02  # of the full size
PAUSE = 0.2  # seconds, after which the threads that the run before used have stopped spinning


@dataclass(frozen=True)
class Measured:
    """Seconds that a run took, and megabytes at its peak above those before."""

    seconds: float
    memory: float


def ready(name: str, size: float) -> tuple[Piece, dict[str, Run]]:
    """A piece and what to time, prepared; imported and warmed up by a small piece of the kind."""
    small, piece = PIECES[name](WARM_UP), PIECES[name](size)
    runs = {}
    for who, prepare in piece.contenders.items():
        try:
            small.contenders[who]()()
        # SciPy 1.18 takes from sqrtm an argument that clean-fid and pytorch-fid give.
        except (ImportError, TypeError) as error:
            print(f"{who} is left out ({error}); pip install 'scorebench[bench]'")
        else:
            runs[who] = prepare()
    return piece, runs


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """As many threads, on as many cores: prdc starts eight, whatever it is told."""
    before, cores = torch.get_num_threads(), os.sched_getaffinity(0)
    torch.set_num_threads(count)
    os.sched_setaffinity(0, sorted(cores)[:count])
    try:
        with threadpool_limits(count):
            yield
    finally:
        os.sched_setaffinity(0, cores)
        torch.set_num_threads(before)


def in_turn(runs: Mapping[str, Run]) -> dict[str, list[Measured]]:
    """All, again and again, as often as there is time for."""
    found: dict[str, list[Measured]] = {who: [] for who in runs}
    started = time.perf_counter()
    for done in range(ROUNDS):
        if done and time.perf_counter() - started > ENOUGH:
            break
        for who, run in runs.items():
            found[who].append(measure(run))
    return found


def measure(run: Run) -> Measured:
    """Time a run; the kernel keeps the peak of memory since it was told to forget the last."""
    time.sleep(PAUSE)
    ctypes.CDLL(None).malloc_trim(0)  # or memory that is free already wouldn't count
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory()
    started = time.perf_counter()
    run()
    seconds = time.perf_counter() - started
    return Measured(seconds, peak_memory() - before)


def peak_memory() -> float:
    """Megabytes."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024 / 1e6


def report(piece: Piece, found: Mapping[int, Mapping[str, list[Measured]]]) -> None:
    """Print a line for each contender, of medians over rounds; side by side for each number."""
    rounds = "/".join(str(len(measured["ours"])) for measured in found.values())
    print(f"\n{piece.title}; {'/'.join(map(str, found))} threads, {rounds} rounds")
    for who in next(iter(found.values())):
        cells = []
        for measured in found.values():
            seconds = statistics.median(m.seconds for m in measured[who])
            pairs = zip(measured[who], measured["ours"], strict=True)
            ratio = statistics.median(theirs.seconds / ours.seconds for theirs, ours in pairs)
            memory = max(m.memory for m in measured[who])
            speed = f"{piece.images / seconds:8.0f}/s" if piece.images else f"{seconds:8.3f} s"
            cells.append(f"{speed} {ratio:6.2f} × {memory:6.0f} MB")
        print(f"  {_with_version(who):<22}" + " | ".join(cells), flush=True)


def _with_version(who: str) -> str:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return f"{who} {importlib.metadata.version(who)}"
    return who


def main() -> None:
    """Print the table of the pieces asked for, or how far values are apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pieces", nargs="*", help=f"of {', '.join(PIECES)}; all by default")
    parser.add_argument("--size", type=float, default=1.0, help="a factor for N, d and subsets")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--agree", action="store_true", help="compare values, not times")
    given = parser.parse_args()
    if unknown := set(given.pieces) - set(PIECES):
        parser.error(f"no such piece: {', '.join(sorted(unknown))}")
    if given.agree:
        sys.exit(0 if agree() else 1)
    for name in given.pieces or PIECES:
        piece, runs = ready(name, given.size)
        found = {}
        for count in given.threads:
            with threads(count):
                found[count] = in_turn(runs)
        report(piece, found)


if __name__ == "__main__":
    main()
