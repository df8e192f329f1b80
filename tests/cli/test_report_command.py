"""``scorebench report`` on results directories with made-up rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scorebench.cli.report import report
from scorebench.errors import UserError
from scorebench.store import Store
from tests.conftest import Python

IMPORTED = """
import sys
from scorebench.cli import main
try:
    sys.argv = ["scorebench", "report", *sys.argv[1:]]
    main()
except SystemExit as end:
    print(end.code, "torch" in sys.modules, file=sys.stderr)
"""


@pytest.fixture(autouse=True)
def piped(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)


def write(folder: Path, fids: dict[str, float | None], unfinished: int = 0) -> Path:
    """A results directory; samplers without an FID failed."""
    store = Store(folder)
    cells: list[dict[str, Any]] = []
    for i, (sampler, fid) in enumerate(fids.items()):
        columns = {"model": "gaussian", "schedule": "karras", "sampler": sampler}
        cells.append({"fingerprint": f"{i:032x}", "columns": columns})
        row = {"repeat": 0, "seed": 0, "samples": 100, "nfe": 10, "seconds": 1.5, "device": "cpu"}
        ended: dict[str, Any] = {"status": "failed", "error": "ValueError: [red]no"}
        if fid is not None:
            ended = {"status": "ok", "error": None, "fid": fid}
        store.write_cell({"row": {**row, **ended, "fingerprint": f"{i:032x}"}, "traceback": None})
    cells += [{"fingerprint": f"f{i:031x}", "columns": {}} for i in range(unfinished)]
    store.begin("name: s\n", {"suite": "s", "better": {"fid": "lower"}, "cells": cells})
    return folder


def order(text: str, *names: str) -> list[str]:
    return sorted(names, key=text.index)


def test_one_directory_gives_a_ranked_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report([write(tmp_path / "a", {"euler": 2.0, "heun": 1.0, "langevin": None}, 49)])
    text = capsys.readouterr().out
    assert order(text, "euler", "heun", "langevin") == ["heun", "euler", "langevin"]
    assert "partial results: 3 of 52 cells" in text
    assert "1 × failed: ValueError: [red]no\n" in text
    assert "\x1b" not in text


def test_sort_and_top(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "a", {"euler": 2.0, "heun": 1.0})
    report([folder], sort="nfe", top=1)
    text = capsys.readouterr().out
    assert "ranked by nfe" in text
    assert "euler" not in text
    assert "… 1 more" in text


def test_piped_output_has_all_rows_and_a_terminal_the_best(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "a", {f"sampler_{i:02d}": float(i) for i in range(60)})
    report([folder])
    assert "sampler_59" in capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    report([folder])
    text = capsys.readouterr().out
    assert "sampler_49" in text
    assert "sampler_50" not in text
    assert "… 10 more" in text


def test_two_directories_give_a_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = write(tmp_path / "a", {"euler": 2.0, "heun": 1.0})
    b = write(tmp_path / "b", {"euler": 1.5, "ddim": 1.0})
    report([a, b])
    text = capsys.readouterr().out
    assert "b compared with a" in text
    assert "-0.500" in text
    assert "1 configuration only in b\n  ddim" in text
    assert "1 configuration only in a\n  heun" in text


@pytest.mark.parametrize("others", [0, 1])
def test_mistakes_are_told_in_one_line(tmp_path: Path, others: int) -> None:
    good = [write(tmp_path / f"good{i}", {"heun": 1.0}) for i in range(others)]
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for folder, why in [
        (tmp_path / "missing", "there is no such results directory"),
        (tmp_path / "empty", "is not a results directory"),
        (tmp_path / "file", "a report reads results directories, .csv and .parquet tables"),
    ]:
        with pytest.raises(UserError, match=why) as raised:
            report([*good, folder])
        assert "\n" not in str(raised.value)
        assert str(folder) in str(raised.value)


def test_an_unknown_metric_is_told_with_the_nearest(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", {"heun": 1.0})
    with pytest.raises(UserError, match="can't sort by 'fib'; did you mean fid"):
        report([folder], sort="fib")


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--sort", "fib"], 2)])
def test_the_command_loads_no_torch(
    tmp_path: Path, python: Python, arguments: list[str], code: int
) -> None:
    folder = write(tmp_path / "a", {"heun": 1.0, "[red]": 2.0})
    done = python("-W", "error", "-c", IMPORTED, folder, *arguments)
    told = done.stderr.splitlines()
    assert told[-1] == f"{code} False"
    assert ("[red]" in done.stdout) == (code == 0)
    assert [line for line in told if line.startswith("error: ")] == (told[:1] if code else [])
