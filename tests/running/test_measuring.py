"""Cells that share a walk end as if each had walked alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scorebench.running import sampling
from scorebench.running.cell import Cell, Result
from scorebench.running.measuring import run_cell, run_cells
from scorebench.running.plan import make_plan
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite

# What depends on when and in which company a cell was run.
CLOCKED = ("seconds", "samples_per_second", "peak_memory_mb", "finished")

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

Run = Callable[..., "tuple[Workbench, list[Cell]]"]


@pytest.fixture
def plan(
    small_suite: dict[str, Any], write_suite: Callable[..., Path], write_plugin: Callable[..., Path]
) -> Run:
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


def numbers(result: Result) -> Mapping[str, Any]:
    return {k: v for k, v in result.row.items() if not k.startswith(CLOCKED)}


CHAIN = {"name": "chain", "steps": [3, 40, 12], "denoise": [True, False]}
LANGEVIN = {"name": "langevin", "step_size": 0.1, "steps": [2, 30], "denoise": [True, False]}
EULER = {"name": "euler", "denoise": [True, False]}


@pytest.mark.parametrize("sampler", [CHAIN, LANGEVIN, EULER], ids=["chain", "langevin", "euler"])
def test_rows_are_those_of_separate_runs(plan: Run, sampler: Any) -> None:
    bench, cells = plan(sampler)
    assert len({cell.walk for cell in cells}) == 1
    together = run_cells(bench, cells)
    alone = [run_cell(bench, cell) for cell in cells]
    assert [numbers(r) for r in together] == [numbers(r) for r in alone]
    assert all(
        r.row["status"] == "ok" and r.row["nfe"] == c.nfe for c, r in zip(cells, alone, strict=True)
    )


def test_a_walk_is_made_once_for_all_of_its_cells(
    plan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, cells = plan(CHAIN)
    model = bench.model(cells[0].point.model)
    evaluated = 0
    plain = type(model).score

    def score(self: Any, x: Any, sigma: Any) -> Any:
        nonlocal evaluated
        evaluated += len(x)
        return plain(self, x, sigma)

    monkeypatch.setattr(type(model), "score", score)
    run_cells(bench, cells)
    denoised = 3 * bench.suite.samples  # by D(x, σ), which is not a score for this model, or is
    assert 40 * bench.suite.samples <= evaluated <= 40 * bench.suite.samples + denoised


def test_pictures_are_those_of_separate_runs(plan: Run) -> None:
    model = {"name": "factor_mixture", "components": 2, "rank": 2}
    sampler = {**LANGEVIN, "step_size": 1e-3, "steps": [1, 2, 17, 30]}
    block = {"model": model, "schedule": {"name": "constant", "sigma": 0.1}, "sampler": sampler}
    bench, cells = plan(sampler, sweep=[block], samples=70, dataset="digits")
    together = run_cells(bench, cells)
    for cell, result in zip(cells, together, strict=True):
        alone = run_cell(bench, cell)
        assert result.grid is not None
        assert result.grid.shape == (64, 1, 8, 8)
        np.testing.assert_array_equal(result.grid, alone.grid)
        np.testing.assert_array_equal(result.trajectory, alone.trajectory)


@pytest.mark.parametrize("how", ["breaks", "explodes"])
def test_a_walk_that_fails_late_fails_only_those_that_go_so_far(plan: Run, how: str) -> None:
    bench, cells = plan({"name": "chain", "steps": [5, 20, 30], how: 20})
    assert len({cell.walk for cell in cells}) == 1
    together = run_cells(bench, cells)
    status = "failed" if how == "breaks" else "diverged"
    assert [r.row["status"] for r in together] == [
        "ok",
        status,
        "ok" if how != "breaks" else status,
    ]
    alone = [run_cell(bench, cell) for cell in cells]
    assert [numbers(r) for r in together] == [numbers(r) for r in alone]
    assert together[1].traceback is not None


def test_a_metric_that_fails_fails_its_own_cell(plan: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, cells = plan({"name": "chain", "steps": [5, 20]})
    metric = type(bench.suite.metrics[0].component)
    plain, calls = metric.compute, []

    def compute(self: Any, state: Any, generated: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("not this one")
        return plain(self, state, generated)

    monkeypatch.setattr(metric, "compute", compute)
    assert [r.row["status"] for r in run_cells(bench, cells)] == ["failed", "ok"]


@pytest.mark.parametrize("room", [15, 9, 1])
def test_what_takes_too_much_memory_is_tried_with_smaller_batches(plan: Run, room: int) -> None:
    sampler = {"name": "chain", "steps": [4, 9], "denoise": [True, False]}
    bench, cells = plan({**sampler, "room": room}, batch_size=16, samples=40)
    found = run_cells(bench, cells)
    used = next(size for size in (16, 8, 4, 2, 1) if size <= room)
    assert [(r.row["batch_size"], r.row["batch_size_used"]) for r in found] == [(16, used)] * 4
    bench, cells = plan(sampler, batch_size=16, samples=40)
    for smaller, cell in zip(found, cells, strict=True):
        plain = run_cell(bench, cell).row
        assert smaller.row["status"] == "ok"
        assert smaller.row["nfe"] == plain["nfe"]
        assert math.isclose(smaller.row["fid"], plain["fid"], rel_tol=1e-5)


def test_later_cells_of_a_model_start_from_the_batch_size_that_fitted(plan: Run) -> None:
    bench, cells = plan({"name": "chain", "steps": [4], "room": 5}, batch_size=16, repeats=2)
    for cell in cells:
        run_cell(bench, cell)
    assert list(bench.batch_sizes.values()) == [4]
    row = run_cell(bench, cells[1]).row
    assert (row["batch_size"], row["batch_size_used"]) == (16, 4)


def test_both_sizes_are_told_when_even_one_sample_is_too_much(plan: Run) -> None:
    bench, cells = plan({"name": "chain", "steps": [4], "room": 0}, batch_size=16)
    row = run_cell(bench, cells[0]).row
    assert row["status"] == "out_of_memory"
    assert "no room for 1" in row["error"]
    assert (row["batch_size"], row["batch_size_used"]) == (16, 1)


def test_batches_of_coupled_samples_are_not_made_smaller(plan: Run) -> None:
    bench, cells = plan({"name": "coupled_chain", "steps": [4], "room": 8}, batch_size=16)
    row = run_cell(bench, cells[0]).row
    assert row["status"] == "out_of_memory"
    assert "batch_size_used" not in row


def test_memory_that_the_system_refuses_is_out_of_memory(
    plan: Run, write_plugin: Callable[..., Path]
) -> None:
    write_plugin(
        """
        from dataclasses import dataclass
        import scorebench, torch

        @dataclass(frozen=True, kw_only=True)
        class Greedy(scorebench.Sampler):
            def trajectory(self, model, sigmas, noise):
                yield torch.empty(2**60)

        @scorebench.hookimpl
        def scorebench_samplers():
            yield scorebench.Component("greedy", Greedy)
        """,
        "greedy.py",
    )
    bench, cells = plan("greedy", plugins=["greedy.py"])
    row = run_cell(bench, cells[0]).row
    assert row["status"] == "out_of_memory", row["error"]
    assert row["batch_size_used"] == 1


def test_batches_that_were_made_smaller_do_not_change_coupled_cells(plan: Run) -> None:
    both = [{"name": "chain", "steps": 4, "room": 5}, {"name": "coupled_chain", "steps": 4}]
    bench, cells = plan(both, batch_size=16)
    smaller, coupled = (run_cell(bench, cell).row for cell in cells)
    assert smaller["batch_size_used"] == 4
    assert "batch_size_used" not in coupled
    bench, cells = plan(both[1], batch_size=16)
    assert run_cell(bench, cells[0]).row["fid"] == coupled["fid"]


def test_short_cells_of_a_walk_have_their_own_time(
    plan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "WATCH", 0.05)
    slow = {"name": "chain", "steps": [3, 400], "pause": 0.005}
    bench, cells = plan(slow, batch_size=10, limits={"timeout": 1.0})
    short, long = (result.row for result in run_cells(bench, cells))
    assert short["status"] == "ok", short["error"]
    assert long["status"] == "timeout"
    assert run_cell(bench, cells[0]).row["fid"] == short["fid"]


@pytest.mark.parametrize("reading", ["17", "lost", "zero", "text"])
def test_a_reading_that_is_none_fails_its_cells_only(
    plan: Run, write_plugin: Callable[..., Path], reading: str
) -> None:
    write_plugin(
        """
        from dataclasses import dataclass
        import scorebench

        @dataclass(frozen=True, kw_only=True)
        class Odd(scorebench.Sampler):
            how: str

            def trajectory(self, model, sigmas, noise):
                yield self.start(model, sigmas[0], noise)

            def reading(self):
                return {
                    "17": 17,
                    "lost": scorebench.Reading(self, None),
                    "zero": scorebench.Reading(self, self, 0),
                    "text": scorebench.Reading(self, self, "3"),
                }[self.how]

        @scorebench.hookimpl
        def scorebench_samplers():
            yield scorebench.Component("odd", Odd)
        """,
        "odd.py",
    )
    bench, cells = plan([{"name": "odd", "how": reading}, "euler"], plugins=["odd.py"])
    odd, euler = (run_cell(bench, cell).row for cell in cells)
    assert odd["status"] == "failed"
    assert "Odd.reading() gave" in odd["error"]
    assert euler["status"] == "ok"
