from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scorebench.errors import UserError
from scorebench.report.results import read

Write = Callable[..., Path]


def test_a_results_directory(write_results: Write) -> None:
    folder = write_results({"fid": 1.0}, {"fid": 2.0, "repeat": 1}, unfinished=3)
    (results,) = read([folder])
    assert (results.name, results.folder, results.planned) == ("results", folder, 5)
    assert results.table["fid"].tolist() == [1.0, 2.0]
    assert results.better == {"fid": "lower", "recall": "higher"}
    assert results.settings["features"] == "identity"


def test_a_directory_without_a_finished_cell_gives_an_empty_table(write_results: Write) -> None:
    (results,) = read([write_results(unfinished=7)])
    assert results.table.empty
    assert {"suite", "sampler", "seed", "status", "seconds"} <= {*results.table}
    assert results.planned == 7


@pytest.mark.parametrize("name", ["mine.csv", "mine.CSV"])
def test_a_bare_table(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("sampler,recall,fid,loss\nheun,0.5,1.5,2\neuler,0.5,2,1\n")
    (results,) = read([path])
    assert (results.name, results.folder, results.planned) == (name, None, 2)
    assert results.settings == {}
    assert list(results.better.items()) == [("recall", "higher"), ("fid", "lower")]


def test_results_of_one_name_are_called_by_their_paths(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "table.csv" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.write_text("sampler,fid\nheun,1\n")
    assert [results.name for results in read(paths)] == list(map(str, paths))


def test_a_path_given_twice(write_results: Write) -> None:
    folder = write_results({"fid": 1.0})
    with pytest.raises(UserError, match="is given twice"):
        read([folder, folder / ".." / folder.name])


@pytest.mark.parametrize("name", ["table.xlsx", "report.html", "plan.json", "table"])
def test_files_of_another_kind(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    told = f"{name}: a report reads results directories, .csv and .parquet tables"
    with pytest.raises(UserError, match=told):
        read([tmp_path / name])


def test_paths_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such results directory or table"):
        read([tmp_path / "missing"])
    with pytest.raises(UserError, match=r"missing\.parquet: there is no such file"):
        read([tmp_path / "missing.parquet"])
    with pytest.raises(UserError, match="is not a results directory"):
        read([tmp_path])
