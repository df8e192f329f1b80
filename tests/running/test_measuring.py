"""Cells that share a walk end as if each had walked alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scorebench.running.cell import Cell, Result
from scorebench.running.measuring import run_cell, run_cells
from scorebench.running.workbench import Workbench

# What depends on when and in which company a cell was run.
CLOCKED = ("seconds", "samples_per_second", "peak_memory_mb", "finished")

Run = Callable[..., "tuple[Workbench, list[Cell]]"]


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


def test_a_family_is_read_in_the_middle_of_a_walk_and_at_its_end(
    plan: Run, write_plugin: Callable[..., Path]
) -> None:
    write_plugin(
        """
        from dataclasses import dataclass, replace
        import scorebench

        @dataclass(frozen=True, kw_only=True)
        class Stopped(scorebench.Sampler):
            stop_at: int | None = None

            def trajectory(self, model, sigmas, noise):
                x = self.start(model, sigmas[0], noise)
                for number in range(1, 7):
                    x = x + 0.1 * model.score(x, sigmas[0])
                    yield x
                    if number == self.stop_at:
                        return None
                return {"size": x.norm(dim=1)}

            def reading(self):
                return scorebench.Reading(self, replace(self, stop_at=None), states=self.stop_at)

        @scorebench.hookimpl
        def scorebench_samplers():
            yield scorebench.Component("stopped", Stopped)
        """,
        "stopped.py",
    )
    bench, cells = plan({"name": "stopped", "stop_at": [2, None, 4]}, plugins=["stopped.py"])
    assert len({cell.walk for cell in cells}) == 1
    together = run_cells(bench, cells)
    assert [(r.row["nfe"], "size" in r.row) for r in together] == [
        (2, False),
        (6, True),
        (4, False),
    ]
    alone = [run_cell(bench, cell) for cell in cells]
    assert [numbers(r) for r in together] == [numbers(r) for r in alone]


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
