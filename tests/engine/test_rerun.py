"""Which row is run again, by which suite, and what is told where that isn't there any more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import scorebench
from scorebench.engine.rerun import Request, find, rerun
from scorebench.errors import UserError
from scorebench.running.measuring import run_cell
from scorebench.running.plan import make_plan
from scorebench.running.workbench import Workbench
from scorebench.store import Store
from scorebench.suite.load import load_suite

NAMES = ("aaaaaa11", "aaaaaa12", "111111", "0123456789")


def write(folder: Path, **plan: Any) -> Path:
    """A results directory of four cells, of which the second hasn't ended."""
    store = Store(folder)
    cells = [{"fingerprint": name, "repeat": 0, "columns": {}} for name in NAMES]
    store.begin("", {"suite": "small", "better": {}, "cells": cells, **plan})
    for name in (NAMES[0], *NAMES[2:]):
        row = {"fingerprint": name, "seed": 0, "status": "ok", "environment": "e0"}
        store.write_cell({"row": row})
    return folder


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("1", "aaaaaa11"),
        ("2", "111111"),
        ("03", "0123456789"),
        ("111111", "111111"),
        ("AAAAAA", "aaaaaa11"),
        ("012345", "0123456789"),
    ],
)
def test_a_row_is_found_by_its_number_or_fingerprint(row: str, name: str, tmp_path: Path) -> None:
    request = find(write(tmp_path), row)
    assert (request.cell["fingerprint"], request.row["fingerprint"]) == (name, name)


@pytest.mark.parametrize("row", ["0", "4", "-1", "1.0", "", "aaaaa", "heun", "²", "9" * 9])
def test_what_is_neither_number_nor_fingerprint_is_told(row: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"row {row}: .*(has rows 1 to 3|no row begins so)"):
        find(write(tmp_path), row)


def test_a_fingerprint_of_no_row_or_of_several_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(
        UserError, match=r"row bbbbbb: of the 3 fingerprints in .* no row begins so"
    ):
        find(tmp_path, "bbbbbb")
    Store(tmp_path).write_cell({"row": {"fingerprint": "aaaaaa12", "seed": 0, "status": "ok"}})
    with pytest.raises(UserError, match="2 rows begin so; give more digits"):
        find(tmp_path, "aaaaaa")


def test_the_suite_is_made_where_it_was_by_the_arguments_kept(tmp_path: Path) -> None:
    results = write(tmp_path / "results" / "r", arguments=["a.yaml"], started_in="../..")
    request = find(results, "1")
    assert (request.arguments, request.folder) == (["a.yaml"], tmp_path.resolve())


def test_results_that_keep_no_arguments_have_the_suite_beside_them(tmp_path: Path) -> None:
    request = find(write(tmp_path), "1")
    assert (request.arguments, request.folder) == (["suite.yaml"], tmp_path.resolve())


def test_an_environment_is_what_its_file_says_or_unknown(tmp_path: Path) -> None:
    write(tmp_path)
    assert find(tmp_path, "1").environment == {}
    Store(tmp_path).write_environment("e0", {"python": "3"})
    assert find(tmp_path, "1").environment == {"python": "3"}
    for text in ("{", "[1]"):
        (tmp_path / "environments" / "e0.json").write_text(text)
        assert find(tmp_path, "1").environment == {}
    (tmp_path / "elsewhere.json").write_text("{}")
    Store(tmp_path).write_cell(
        {"row": {"fingerprint": "111111", "seed": 0, "status": "ok", "environment": "../elsewhere"}}
    )
    assert find(tmp_path, "2").environment == {}


@pytest.fixture
def request_of(
    small_suite: dict[str, Any], write_suite: Callable[..., Path]
) -> Callable[..., Request]:
    """A row that the small suite gives, and how to make it again."""

    def request(*options: str, **changed: Any) -> Request:
        path = write_suite({**small_suite, **changed})
        bench = Workbench(load_suite(path), torch.device("cpu"))
        cell = make_plan(bench).cells[1]
        told = {
            "fingerprint": cell.fingerprint,
            "repeat": cell.repeat,
            "columns": cell.point.columns(),
        }
        row = run_cell(bench, cell).row
        return Request(told, row, {}, [path.name, *options], path.parent)

    return request


def test_a_cell_gives_the_same_bits_again(request_of: Callable[..., Request]) -> None:
    request = request_of()
    here = Path.cwd()
    again = rerun(request, device="cpu")
    assert again.same_fingerprint
    assert again.row["fid"] == request.row["fid"]
    assert again.environment["python"]
    assert Path.cwd() == here


CRASHING = """
import os
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class Crashing(scorebench.Sampler):
    def trajectory(self, model, sigmas, noise):
        os.abort()
        yield

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("crashing", Crashing)
"""


def test_a_cell_that_takes_its_process_down_does_so_again(
    small_suite: dict[str, Any], write_suite: Callable[..., Path], write_plugin: Callable[..., Path]
) -> None:
    small_suite["plugins"] = [write_plugin(CRASHING).name]
    small_suite["sweep"][0]["sampler"] = "crashing"
    results = write_suite(small_suite).parent / "results"
    scorebench.run(results.parent / "suite.yaml", results=results, device="cpu")
    request = find(results, "1")
    again = rerun(request, trusted=True, device="cpu")
    for row in (request.row, again.row):
        assert (row["status"], row["error"]) == ("crashed", "killed by SIGABRT")


def test_rows_are_counted_as_the_table_has_them(tmp_path: Path) -> None:
    write(tmp_path)
    table = f"suite,fingerprint\nsmall,{NAMES[3]}\nsmall,{NAMES[0]}\nsmall,{NAMES[1]}\n"
    (tmp_path / "table.csv").write_text(table)
    assert find(tmp_path, "1").cell["fingerprint"] == NAMES[3]
    assert find(tmp_path, NAMES[0]).cell["fingerprint"] == NAMES[0]
    assert find(tmp_path, NAMES[2]).cell["fingerprint"] == NAMES[2]  # which isn't there yet
    with pytest.raises(UserError, match=rf"row 3: table\.csv has cell {NAMES[1]} there, which"):
        find(tmp_path, "3")
    (tmp_path / "table.csv").write_bytes(b"suite,\0\xff")
    assert find(tmp_path, "1").cell["fingerprint"] == NAMES[0]


def test_of_a_changed_suite_it_is_the_cell_of_the_same_parameters(
    request_of: Callable[..., Request],
) -> None:
    request = request_of("--set", "samples=30", "--device", "cpu")
    again = rerun(request)
    assert not again.same_fingerprint
    assert again.row["samples"] == 30
    assert again.row["nfe"] == request.row["nfe"]
    assert again.row["fid"] != request.row["fid"]


def test_a_cell_is_known_by_its_parameters_as_the_plan_keeps_them(
    request_of: Callable[..., Request], tmp_path: Path
) -> None:
    request = request_of("--device", "cpu")
    store = Store(tmp_path / "kept")
    plan = {"suite": "small", "better": {}, "cells": [{**request.cell, "fingerprint": "0" * 8}]}
    store.begin("", plan)
    (kept,) = store.plan()["cells"]
    again = rerun(Request(kept, request.row, {}, request.arguments, request.folder))
    assert again.row["fingerprint"] == request.cell["fingerprint"]


def test_a_suite_that_has_no_such_cell_any_more_is_told(
    request_of: Callable[..., Request],
) -> None:
    request = request_of("--set", "sweep[0].schedule.n=[4]")
    with pytest.raises(
        UserError, match=r"suite\.yaml has no cell of this row's parameters and rep"
    ):
        rerun(request, device="cpu")


def test_a_suite_that_is_gone_is_told(request_of: Callable[..., Request], tmp_path: Path) -> None:
    request = request_of()
    gone = Request(request.cell, request.row, {}, request.arguments, tmp_path / "gone")
    with pytest.raises(UserError, match=r"was run in .*gone, which isn't there; move the results"):
        rerun(gone)
    (tmp_path / "suite.yaml").unlink()
    with pytest.raises(UserError, match=r"suite\.yaml"):
        rerun(request)


@pytest.mark.parametrize("options", [["--results", "x"], ["--set"], ["--exec", "y"]])
def test_arguments_that_no_plan_has_are_refused(
    options: list[str], request_of: Callable[..., Request]
) -> None:
    with pytest.raises(UserError, match=r"plan\.json: can't make the suite by arguments"):
        rerun(request_of(*options))


def test_a_device_that_is_not_here_is_told(request_of: Callable[..., Request]) -> None:
    with pytest.raises(UserError, match="device 'cuda:99' is not available here; try auto or cpu"):
        rerun(request_of("--device", "cuda:99"))


EVIL = """
from pathlib import Path
Path(__file__).with_suffix(".ran").touch()
"""


@pytest.mark.parametrize("how", ["option", "suite", "setting", "object"])
def test_nothing_that_results_name_is_run_unless_they_are_trusted(
    tmp_path: Path, small_suite: dict[str, Any], how: str
) -> None:
    evil = tmp_path / "evil.py"
    evil.write_text(EVIL)
    arguments = ["suite.yaml"]
    if how == "option":
        arguments += ["--plugins", "evil.py"]
    elif how == "suite":
        small_suite["plugins"] = ["evil.py"]
    elif how == "setting":
        arguments += ["--set", "plugins=[evil.py]"]
    else:
        model = {"name": "energy", "energy": "evil.py:energy", "event_shape": [2]}
        small_suite["sweep"][0]["model"] = model
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(small_suite))
    cell = {"fingerprint": "abcdef", "repeat": 0, "columns": {}}
    request = Request(cell, {}, {}, arguments, tmp_path)
    with pytest.raises(
        UserError, match=r"this would run .*evil.py.*give --trust if they are yours"
    ):
        rerun(request, device="cpu")
    assert not evil.with_suffix(".ran").exists()
    with pytest.raises(UserError):
        rerun(request, trusted=True, device="cpu")
    assert evil.with_suffix(".ran").exists()
