"""Cells of one walk don't notice what others do to their process, nor does what comes after."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scorebench.running.cell import Cell, Result
from scorebench.running.measuring import run_cell, run_cells
from scorebench.running.workbench import Workbench

Run = Callable[..., "tuple[Workbench, list[Cell]]"]

LEAKS = """
    from dataclasses import dataclass, replace
    from typing import ClassVar
    import os, random
    import numpy as np, scorebench, torch

    def touch():
        found = random.random() + np.random.rand() + float(torch.rand(()))
        found += (torch.get_default_dtype() == torch.float64) + ("LEAK" in os.environ)
        found += os.getcwd() == "/"
        torch.set_default_dtype(torch.float64)
        os.environ["LEAK"] = "1"
        os.chdir("/")
        return found

    @dataclass(frozen=True, kw_only=True)
    class Touching(scorebench.Sampler):
        steps: int
        after: int = 0
        denoise: bool = False

        def trajectory(self, model, sigmas, noise):
            x = self.start(model, sigmas[0], noise)
            for step in range(1, self.steps + 1):
                x = x + 0.01 * model.score(x, sigmas[0])
                if step > self.after:
                    x = x + 0.01 * touch()
                with torch.enable_grad():
                    yield x
            if self.denoise:
                yield self.end(x, model, sigmas, noise)

        def end(self, x, model, sigmas, noise):
            return model.denoise(x, sigmas[0]) + 0.01 * touch()

        def reading(self):
            walk = replace(self, denoise=False)
            end = self.end if self.denoise else None
            return scorebench.Reading(walk, replace(walk, steps=1), self.steps, end)

    @dataclass(frozen=True, kw_only=True)
    class Touched(scorebench.Metric):
        needs: ClassVar = frozenset({"features"})
        compares: ClassVar = False

        def prepare(self, reference, context):
            return {}

        def compute(self, state, generated):
            grad = float(torch.is_grad_enabled())
            found = {f"first_of_{i}": generated.vectors[i, 0] for i in (0, 16, 32)}
            return {"touched": touch(), "grad": grad, **found}

    @dataclass(frozen=True, kw_only=True)
    class Features(scorebench.FeatureExtractor):
        room: int = 100

        def load(self, context):
            def extract(x):
                if len(x) > self.room:
                    raise MemoryError(f"no room for {len(x)}")
                return scorebench.Features(x.flatten(1).double() + touch())

            touch()
            return extract

    @scorebench.hookimpl
    def scorebench_samplers():
        yield scorebench.Component("touching", Touching)

    @scorebench.hookimpl
    def scorebench_metrics():
        yield scorebench.Component("touched", Touched)

    @scorebench.hookimpl
    def scorebench_feature_extractors():
        yield scorebench.Component("touching", Features)
"""


@pytest.fixture
def leaks(plan: Run, write_plugin: Callable[..., Path]) -> Run:
    def make(sampler: Any, **changes: Any) -> tuple[Workbench, list[Cell]]:
        write_plugin(LEAKS, "leaks.py")
        return plan(sampler, plugins=["chains.py", "leaks.py"], metrics=["touched"], **changes)

    return make


def numbers(result: Result) -> dict[str, Any]:
    clocked = ("seconds", "samples_per_second", "peak_memory_mb", "finished")
    return {k: v for k, v in result.row.items() if not k.startswith(clocked)}


@pytest.mark.parametrize("features", ["identity", "touching"])
@pytest.mark.parametrize(
    "sampler",
    [
        {"name": "chain", "steps": [3, 9, 5]},
        {"name": "touching", "steps": [3, 9, 5]},
        {"name": "touching", "steps": [3, 9, 5], "after": 4},
        {"name": "touching", "steps": [3, 9], "after": 9, "denoise": [True, False]},
    ],
    ids=["honest", "walk", "end of the walk", "end"],
)
def test_rows_of_those_who_change_their_process_are_those_of_separate_runs(
    leaks: Run, sampler: Any, features: str
) -> None:
    bench, cells = leaks(sampler, features=features)
    assert len({cell.walk for cell in cells}) == 1
    before = torch.get_rng_state()
    together = run_cells(bench, cells)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_default_dtype() == torch.float32
    assert (os.getcwd() == "/", "LEAK" in os.environ) == (False, False)
    assert {r.row["status"] for r in together} == {"ok"}
    bench, cells = leaks(sampler, features=features)
    for again in (cells, cells[::-1]):  # the first also loads what all need
        alone = {cell.fingerprint: numbers(run_cell(bench, cell)) for cell in again}
        assert [alone[r.row["fingerprint"]] for r in together] == [numbers(r) for r in together]


def test_global_random_numbers_differ_from_batch_to_batch(leaks: Run) -> None:
    """Of a model without noise and at one place, as batches would otherwise all be alike."""
    still = {"name": "gaussian", "mean": [0.0, 0.0], "std": 1.0}
    block = {
        "model": still,
        "schedule": {"name": "constant", "sigma": 1e-6},
        "sampler": {"name": "touching", "steps": 1},
    }
    bench, cells = leaks("euler", sweep=[block], features="identity")
    row = run_cell(bench, cells[0]).row
    assert len({round(row[f"first_of_{i}"], 4) for i in (0, 16, 32)}) == 3


def test_a_walk_that_is_given_up_leaves_no_trace(leaks: Run) -> None:
    features = {"name": "touching", "room": 8}
    bench, cells = leaks({"name": "touching", "steps": [3, 9]}, features=features)
    assert [r.row["grad"] for r in run_cells(bench, cells)] == [1.0, 1.0]
    assert bench.batch_sizes
    assert torch.is_grad_enabled()
