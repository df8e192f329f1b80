from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scorebench.errors import UserError
from scorebench.report.document import Selection, document
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
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UserError, match="there is no such results directory or table"):
        read([tmp_path / "loop"])


def test_rows_may_lack_what_a_report_needs(write_results: Write) -> None:
    folder = write_results({"fid": 1.0}, {"fid": 2.0, "repeat": 1})
    needed = ("fingerprint", "seed", "status", "fid")
    for path in (folder / "cells").iterdir():
        record = json.loads(path.read_text())
        record["row"] = {name: record["row"][name] for name in needed}
        path.write_text(json.dumps(record))
    plan = json.loads((folder / "plan.json").read_text())
    plan["cells"] = [{**cell, "columns": {}} for cell in plan["cells"]]
    (folder / "plan.json").write_text(json.dumps(plan))
    (results,) = read([folder])
    assert results.table["fid"].tolist() == [1.0, 2.0]
    assert results.table[["sampler", "samples", "nfe", "device"]].isna().all(axis=None)
    made = document([folder], Selection())
    assert len(made.frame()) == 1
    assert list(made.terminal(0))
    assert made.content().payload["rows"]["length"] == 2


def test_only_metrics_with_a_direction_can_be_ranked_by(write_results: Write) -> None:
    odd = {
        "fid": "lower",
        "loss": "up",
        "seed": "lower",
        "nfe": "higher",
        "sampler": "lower",
        "sampler.n": "lower",
        "features_digest": "lower",
        "results": "higher",
        "a\x1b": "higher",
    }
    (results,) = read([write_results({"fid": 1.0, "results": 2.0, "a\x1b": 3.0}, better=odd)])
    assert results.better == {"fid": "lower", "results_": "higher", "a\\x1b": "higher"}
    assert results.table["results_"].tolist() == [2.0]


def test_names_that_look_alike_are_a_clear_error(write_results: Write) -> None:
    folder = write_results({"fid": 1.0, "a\x1b": 1.0, "a\\x1b": 2.0})
    with pytest.raises(UserError, match=r"results: two columns are called a\\x1b"):
        read([folder])


def test_what_a_table_will_have(write_results: Write) -> None:
    (results,) = read([write_results({"sampler.n": 1, "fid": 1.0}, unfinished=1)])
    assert {"sampler", "sampler.n", "fid", "recall"} <= {*results.promised}
    assert "recall" not in results.table


def test_files_are_those_of_the_directory(write_results: Write, tmp_path: Path) -> None:
    folder = write_results({"fid": 1.0})
    (results,) = read([folder])
    secret = tmp_path / "secret"
    secret.write_text("features: secret")
    assert results.file("suite.yaml") == folder / "suite.yaml"
    assert results.cell_file("cells", "0" * 32, ".json") == folder / "cells" / f"{'0' * 32}.json"
    assert results.cell_file("cells", "0" * 31, ".json") is None
    assert results.cell_file("cells", "../plan", ".json") is None
    assert results.file("..", "secret") is None
    assert results.file("x" * 300) is None
    (folder / "suite.yaml").unlink()
    (folder / "suite.yaml").symlink_to(secret)
    assert results.file("suite.yaml") is None
    assert read([folder])[0].settings == {}
    (folder / "within").symlink_to(folder / "plan.json")
    assert results.file("within") == folder / "within"
    os.mkfifo(folder / "pipe")
    assert results.file("pipe") is None
    linked = tmp_path / "linked"
    linked.symlink_to(folder)
    (results,) = read([linked])
    assert results.file("plan.json") == linked / "plan.json"
