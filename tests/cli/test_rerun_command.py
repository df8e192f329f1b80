"""``scorebench rerun``: what it tells, how it ends, and that results stay as they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from scorebench.cli import main

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """A command, given in an empty folder: its exit code, and what it told."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["scorebench", *map(str, arguments)])
            with pytest.raises(SystemExit) as end:
                main()
        return int(end.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def results(
    call: Call, small_suite: dict[str, Any], write_suite: Callable[..., Path], tmp_path: Path
) -> Path:
    """Results of the small suite, run from where it is."""
    write_suite(small_suite)
    code, _, told = call("run", "suite.yaml", "--engine", "inline", "--device", "cpu")
    assert code == 0, told
    return tmp_path / "results" / "small"


def change(path: Path, **values: Any) -> None:
    """Change a row in its file."""
    record = json.loads(path.read_bytes())
    record["row"] |= values
    path.write_text(json.dumps(record))


def content(folder: Path) -> Mapping[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_row_that_is_the_same_again_ends_well_and_nothing_is_written(
    call: Call, results: Path
) -> None:
    before = content(results)
    code, told, _ = call("rerun", results, 2)
    assert code == 0
    lines = told.splitlines()
    assert "of: scorebench run suite.yaml --device cpu (in " in lines[0]
    assert lines[1].split() == ["then", "now", "difference"]
    values = {line.split()[0]: line.split()[1:] for line in lines[2:-2]}
    assert values["status"] == ["ok", "ok", "identical"]
    assert values["nfe"] == ["5", "5", "identical"]
    assert values["fid"][2:] == ["identical"]
    assert lines[-2:] == [
        "computed with the same versions, device and revision",
        "identical, to the last bit",
    ]
    assert content(results) == before


@pytest.mark.parametrize(
    ("factor", "code", "verdict"), [(1.00001, 0, "agree"), (1.001, 1, "differ")]
)
def test_numbers_that_changed_are_told_with_their_difference(
    factor: float, code: int, verdict: str, call: Call, results: Path
) -> None:
    path = next((results / "cells").iterdir())
    change(path, fid=json.loads(path.read_bytes())["row"]["fid"] * factor)
    ended, told, _ = call("rerun", results, path.stem[:8])
    assert ended == code
    (line,) = [line for line in told.splitlines() if line.startswith("fid ")]
    assert line.split()[3].startswith("-")
    assert line.endswith(verdict)
    assert told.splitlines()[-1].startswith(f"{verdict}: ")


def test_what_was_otherwise_then_is_told(call: Call, results: Path) -> None:
    (path,) = (results / "environments").iterdir()
    then = json.loads(path.read_bytes())
    then["packages"]["torch"] = "1.0\x1b"
    path.write_text(json.dumps(then))
    _, told, _ = call("rerun", results, 1)
    (line,) = [line for line in told.splitlines() if line.startswith("packages.torch")]
    assert line.split()[1] == r"1.0\x1b"
    path.unlink()
    assert "what it was computed with then is not known" in call("rerun", results, 1)[1]


def test_a_changed_suite_is_told_and_its_like_cell_run(
    call: Call, results: Path, small_suite: dict[str, Any], write_suite: Callable[..., Path]
) -> None:
    write_suite({**small_suite, "samples": 30})
    code, told, _ = call("rerun", results, 1)
    assert code == 1
    assert "sources, parameters or data were changed since; the cell of the same" in told
    assert told.splitlines()[-1] == "differ: 1 of 4"


FAILING = """
    from dataclasses import dataclass
    from pathlib import Path
    import scorebench

    @dataclass(frozen=True, kw_only=True)
    class Failing(scorebench.Sampler):
        def trajectory(self, model, sigmas, noise):
            x = self.start(model, sigmas[0], noise)
            text = Path("says.txt").read_text()
            if text:
                raise ValueError(text)
            yield x

    @scorebench.hookimpl
    def scorebench_samplers():
        yield scorebench.Component("failing", Failing)
"""


def test_a_row_that_failed_is_told_to_fail_the_same_way_or_not(
    call: Call,
    small_suite: dict[str, Any],
    write_suite: Callable[..., Path],
    write_plugin: Callable[..., Path],
    tmp_path: Path,
) -> None:
    write_plugin(FAILING)
    says = tmp_path / "says.txt"
    says.write_text("no")
    small_suite["sweep"][0]["sampler"] = "failing"
    write_suite(small_suite)
    plugins = ("--plugins", "my_plugin.py", "--engine", "inline", "--device", "cpu")
    assert call("run", "suite.yaml", *plugins)[0] == 1
    results = tmp_path / "results" / "small"
    code, told, _ = call("rerun", results, 1, "--trust")
    assert (code, told.splitlines()[-1]) == (0, "identical, to the last bit")
    assert "--plugins my_plugin.py" in told
    assert "error then: ValueError: no\nerror now:  ValueError: no\n" in told
    says.write_text("nay")
    code, told, _ = call("rerun", results, 1, "--trust")
    assert (code, told.splitlines()[-1]) == (
        0,
        "agree: it fails in the same way, and tells otherwise",
    )
    says.write_text("")
    code, told, _ = call("rerun", results, 1, "--trust")
    assert code == 1
    assert told.splitlines()[-1].startswith("differ: ")


def test_mistakes_end_in_one_line_each(call: Call, results: Path, tmp_path: Path) -> None:
    for arguments, wanted in (
        ((tmp_path, 1), "is not a results directory: no readable plan.json"),
        ((results, 5), "has rows 1 to 4, as table.csv has them"),
        ((results, 1, "--device", "cuda:99"), "device 'cuda:99' is not available here"),
    ):
        code, _, told = call("rerun", *arguments)
        assert (code, told.count("\n")) == (2, 1)
        assert told.startswith("error: ")
        assert wanted in told
