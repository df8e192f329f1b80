"""Chains of many lengths, to be read off one walk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scorebench.running.cell import Cell
from scorebench.running.plan import make_plan
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite

CHAINS = """
    from dataclasses import dataclass, replace
    import time, scorebench, torch

    @dataclass(frozen=True, kw_only=True)
    class Chain(scorebench.Sampler):
        steps: int
        denoise: bool = False
        breaks: int = 0
        explodes: int = 0
        room: int = 10**9
        pause: float = 0.0

        def trajectory(self, model, sigmas, noise):
            x = self.start(model, sigmas[0], noise)
            for step in range(1, self.steps + 1):
                time.sleep(self.pause)
                if step == self.breaks:
                    raise KeyError("it broke")
                if len(x) > self.room:
                    raise torch.OutOfMemoryError(f"no room for {len(x)}")
                x = x + 0.1 * model.score(x, sigmas[0]) + 0.1 * noise.normal()
                yield x * float("inf") if step == self.explodes else x
            if self.denoise:
                yield model.denoise(x, sigmas[0])

        def nfe(self, levels):
            return self.steps + self.denoise

        def reading(self):
            walk = replace(self, denoise=False)
            end = (lambda x, model, sigmas, noise: model.denoise(x, sigmas[0]))
            return scorebench.Reading(
                walk, replace(walk, steps=1), self.steps, end if self.denoise else None
            )

    @dataclass(frozen=True, kw_only=True)
    class Coupled(Chain):
        @property
        def coupled(self):
            return True

    @scorebench.hookimpl
    def scorebench_samplers():
        yield scorebench.Component("chain", Chain)
        yield scorebench.Component("coupled_chain", Coupled)
"""


@pytest.fixture
def plan(
    small_suite: dict[str, Any], write_suite: Callable[..., Path], write_plugin: Callable[..., Path]
) -> Callable[..., tuple[Workbench, list[Cell]]]:
    """The cells of a suite with one block, on a single noise level."""

    def make(sampler: Any, **changes: Any) -> tuple[Workbench, list[Cell]]:
        write_plugin(CHAINS, "chains.py")
        block = {
            "model": {"name": "gaussian", "mean": [1.0, -1.0], "std": 0.5},
            "schedule": {"name": "constant", "sigma": 0.5},
            "sampler": sampler,
        }
        suite = {**small_suite, "plugins": ["chains.py"], "sweep": [block], **changes}
        bench = Workbench(load_suite(write_suite(suite)), torch.device("cpu"))
        return bench, list(make_plan(bench).cells)

    return make
