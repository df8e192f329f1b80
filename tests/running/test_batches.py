"""Batches that take too much memory are made smaller."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from scorebench.running.cell import Cell
from scorebench.running.measuring import run_cell, run_cells
from scorebench.running.workbench import Workbench

Run = Callable[..., "tuple[Workbench, list[Cell]]"]


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
