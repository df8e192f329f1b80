from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from scorebench.report.layout import Column, Grid
from scorebench.report.ranked_grid import ranked_grid
from scorebench.report.ranking import Ranking, choose, rank
from scorebench.report.results import read

Write = Callable[..., Path]


def ranking_of(folder: Path, by: str | None = None) -> Ranking:
    (results,) = read([folder])
    return rank(results.table, results.better, by)


def column(grid: Grid, name: str) -> Column:
    return next(c for c in grid.columns if c.name == name)


def names(grid: Grid) -> list[str]:
    return [c.name for c in grid.columns]


def two(write_results: Write) -> Path:
    return write_results(
        {"sampler": "a", "fid": 2.0, "recall": 0.5, "peak_memory_mb": 10.0, "sampler.eta": 1},
        {"sampler": "b", "repeat": 0, "fid": 1.0, "recall": 0.25, "peak_memory_mb": 20.0},
        {"sampler": "b", "repeat": 1, "fid": 2.0, "recall": 0.25, "peak_memory_mb": 30.0},
    )


def test_the_usual_columns(write_results: Write) -> None:
    grid = ranked_grid(ranking_of(two(write_results)), 9)
    assert names(grid) == ["#", "sampler", "fid", "recall", "nfe", "repeats", "seconds"]
    assert column(grid, "repeats").cells == ["2", "1"]
    assert column(grid, "fid").strong
    assert column(grid, "fid").cells == [" 1.50 ± 0.50", "2.000       "]


def test_exactly_the_columns_chosen_in_their_order(write_results: Write) -> None:
    words = ["peak_memory_mb", "eta", "model", "recall", "nfe", "samples"]
    grid = ranked_grid(choose(ranking_of(two(write_results)), words), 9)
    chosen = ["peak_memory_mb", "sampler.eta", "model", "recall", "nfe", "samples"]
    assert names(grid) == ["#", *chosen]
    assert column(grid, "peak_memory_mb").cells == [" 25.0 ± 5.0", "10.00      "]
    assert column(grid, "sampler.eta").cells == ["–", "1"]
    assert column(grid, "model").cells == ["gaussian", "gaussian"]
    assert column(grid, "recall").mark == "↑"
    assert column(grid, "nfe").cells == ["10", "10"]
    assert column(grid, "samples").cells == ["100", "100"]


def test_columns_chosen_never_go(write_results: Write) -> None:
    words = ["recall", "peak_memory_mb", "sampler", "seconds"]
    grid = ranked_grid(choose(ranking_of(two(write_results)), words), 9)
    assert all(c.weight is None and not c.lacking for c in grid.columns)


def test_places_without_the_metric_ranked_by(write_results: Write) -> None:
    rows = [{"sampler": s, "fid": fid} for s, fid in [("a", 3.0), ("b", math.nan), ("c", 1.0)]]
    grid = ranked_grid(choose(ranking_of(write_results(*rows)), ["sampler"]), 9)
    assert [c.cells for c in grid.columns] == [["1", "2", ""], ["c", "a", "b"]]
    assert grid.muted == 2


def test_the_best_by_each_metric(write_results: Write) -> None:
    rows = [("a", 1.0, 0.5), ("b", 2.0, 0.75), ("c", 3.0, 0.9)]
    folder = write_results(
        *({"sampler": s, "fid": f, "recall": r, "likelihood": f} for s, f, r in rows),
        {"sampler": "d", "status": "failed"},
    )
    grid = ranked_grid(ranking_of(folder), 9)
    assert column(grid, "fid").honours() == ["best", "second", "", ""]
    assert column(grid, "recall").honours() == ["", "second", "best", ""]
    for name in ("likelihood", "nfe", "seconds"):
        assert column(grid, name).honours() == [""] * 4
    assert column(ranked_grid(ranking_of(folder, "nfe"), 9), "nfe").honours()[0] == "best"
    assert column(ranked_grid(ranking_of(folder), 2), "recall").honours() == ["second", "best"]


def test_costs_that_nobody_knows_take_no_place() -> None:
    rows = {"sampler": ["a", "b"], "status": "ok", "error": None, "fingerprint": None}
    table = pd.DataFrame({**rows, "fid": [1.0, 2.0], "nfe": None, "seconds": [None, 1.5]})
    better = {"fid": "lower"}
    assert names(ranked_grid(rank(table, better), 9)) == ["#", "sampler", "fid", "seconds"]
    assert "nfe" in names(ranked_grid(rank(table, better, "nfe"), 9))
