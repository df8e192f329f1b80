"""``python -m benchmarks.samplers``: what a sampler costs beside its model, in time and memory.

Euler and DPM-Solver++(2M) against a bare loop (goal: at most 1.3×), and other libraries against
the same loop (goal: ours costs less). Then how many states every sampler holds at once against
what its algorithm needs (goal: at most 3 more).
"""

from __future__ import annotations

import importlib.metadata
import runpy
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

import scorebench
from benchmarks import walks
from benchmarks.peers import PEERS
from benchmarks.timing import compare
from benchmarks.walks import Draw, Point, Walk
from scorebench import Noise, Sampler
from scorebench.plugin.host import default_host
from scorebench.running.sampling import CountedModel, walk
from scorebench.testing.live_states import states_alive

CALLS = 50
SHAPES = {(1, 2): 300, (64, 3, 32, 32): 25}  # and rounds
BOUNDS = "tests/plugins/samplers/test_memory_of_samplers.py"


class Given(Noise):
    """The same numbers at every draw."""

    def __init__(self, z: Tensor) -> None:
        self.z = z

    def normal(self) -> Tensor:
        return self.z

    def uniform(self) -> Tensor:
        return self.z


def contenders(task: Walk, name: str, times: int) -> dict[str, Draw]:
    """Ours, k-diffusion's and the installed peers', by name."""
    sampler: Sampler = scorebench.build("sampler", name)
    noise, counted = Given(task.z), CountedModel(task.model, task.model.dtype)

    def ours() -> Tensor:
        for x in sampler.trajectory(task.model, task.sigmas, noise):
            last = x
        return last

    found: dict[str, Draw] = {
        "ours": ours,
        "ours, as the harness runs it": partial(
            walk, sampler, counted, task.sigmas, noise, len(task.z)
        ),
        "k-diffusion's formulas": partial(getattr(walks, f"k_diffusion_{name}"), task),
    }
    for peer, draw in PEERS.items():
        try:
            found[f"{peer} {importlib.metadata.version(peer)}"] = draw(task, name, times)
        except ImportError as error:
            print(f"  {peer} is left out ({error}); pip install 'scorebench[bench]'")
    return found


def compare_times(shape: tuple[int, ...], rounds: int) -> None:
    """Print what a model call costs each, as a ratio to the bare loop."""
    z = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    model = Point(torch.full(shape, 0.5))
    schedule = scorebench.build("noise_schedule", "geometric", n=CALLS, sigma_max=10)
    task = Walk(model, schedule.sigmas(scorebench.Context()), z)
    for name in ("euler", "dpmpp_2m"):
        print(f"{name}, {list(shape)}")
        bare = partial(getattr(walks, f"bare_{name}"), task)
        for who, draw in contenders(task, name, rounds + 2).items():
            model.calls = 0
            torch.testing.assert_close(draw(), model.m, rtol=0, atol=0.1)
            assert model.calls == CALLS, f"{who} called the model {model.calls} times"
            found = compare(draw, bare, rounds=rounds)
            call = found.floor / CALLS * 1e6
            print(f"  {who:<28} {found.ratio:5.2f} × {call:6.1f} µs")


def compare_states() -> None:
    """Print how many states each sampler holds at once, and how many it needs."""
    needed = runpy.run_path(str(Path(__file__).parents[1] / BOUNDS))["NEEDED"]
    print("States alive at once on 12 levels, and what the algorithm needs")
    for name, parts in needed.items():
        example = default_host().find("sampler", name).examples[0]  # type: ignore[attr-defined]
        alive = states_alive(scorebench.build("sampler", name, **example), 12)
        print(f"  {name:<28} {alive:2} {sum(parts):2}")


def main() -> None:
    """Print both comparisons."""
    torch.set_num_threads(1)
    with torch.no_grad():
        print("A model call, in times what it costs a bare loop (µs), one thread")
        for shape, rounds in SHAPES.items():
            compare_times(shape, rounds)
    compare_states()


if __name__ == "__main__":
    main()
