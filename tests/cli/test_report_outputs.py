"""What ``scorebench report`` writes: the page, tables, figures; and reports that follow a sweep."""

from __future__ import annotations

import importlib
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from scorebench.cli import app
from scorebench.errors import UserError
from scorebench.store import Store

module = importlib.import_module("scorebench.cli.report")
BETTER = {"fid": "lower", "recall": "higher"}


def write(folder: Path, *, unfinished: int = 0, fid: float = 1.0) -> Path:
    """Results of two samplers and two numbers of levels, two repeats each."""
    store, cells = Store(folder), []
    points = [(s, n, r) for s in ("euler", "heun") for n in (5, 10) for r in (0, 1)]
    for i, (sampler, n, repeat) in enumerate(points):
        columns = {"model": "m", "schedule": "karras", "sampler": sampler, "schedule.n": n}
        cells.append({"fingerprint": f"{i:032x}", "columns": columns})
        row = {
            "repeat": repeat,
            "seed": repeat,
            "samples": 100,
            "nfe": n * (2 if sampler == "heun" else 1),
            "seconds": 0.5,
            "device": "cpu",
            "status": "ok",
            "error": None,
            "fid": fid + 10 / n + repeat / 10,
            "recall": 0.5,
            "fingerprint": f"{i:032x}",
        }
        if i < len(points) - unfinished:
            store.write_cell({"row": row, "columns": columns, "traceback": None})
    store.begin("name: s\n", {"suite": "s", "better": BETTER, "cells": cells})
    return folder


def invoke(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["report", *map(str, words)])
    assert result.exit_code == code, result.output
    return result


def data_of(page: Path) -> dict[str, Any]:
    """What the page's script works on."""
    (text,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text()
    )
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_page_is_written_beside_the_results(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    assert invoke(folder).stdout.endswith(f"page: {folder / 'report.html'}\n")
    assert data_of(folder / "report.html")["rows"]["length"] == 8
    assert not list(folder.glob(".*"))


def test_the_page_can_be_written_elsewhere_or_not_at_all(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    invoke(folder, "--html", tmp_path / "pages" / "x.html")
    assert (tmp_path / "pages" / "x.html").exists()
    assert "page:" not in invoke(folder, "--no-html").stdout
    assert not (folder / "report.html").exists()


def test_the_page_of_a_table_and_of_a_comparison(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a"), write(tmp_path / "b", fid=2.0)
    table = tmp_path / "elsewhere.csv"
    Store(a).table().to_csv(table)
    assert f"page: {tmp_path / 'elsewhere.html'}\n" in invoke(table).stdout
    assert f"page: {tmp_path / 'a-vs-b.html'}\n" in invoke(a, b).stdout
    rows = data_of(tmp_path / "a-vs-b.html")["rows"]
    assert rows["length"] == 16
    assert rows["columns"]["results"]["words"] == ["a", "b"]


def test_a_page_that_cannot_be_written_is_a_warning_unless_asked_for(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    (folder / "report.html" / "x").mkdir(parents=True)
    result = invoke(folder)
    assert "heun" in result.stdout
    assert re.fullmatch(
        r"warning: \S+report.html can't be written: .*; name another file with --html\n",
        result.stderr,
    )
    with pytest.raises(UserError, match=r"^--html: \S+report.html can't be written"):
        module.report([folder], html=folder / "report.html")


def test_conditions_hold_for_the_page_too(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    told = invoke(folder, "--where", "sampler == 'heun' and n < 10").stdout
    assert "euler" not in told
    assert "partial results" not in told
    assert data_of(folder / "report.html")["rows"]["length"] == 2


def test_exports(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    paths = [tmp_path / f"t.{suffix}" for suffix in ("csv", "md", "tex", "parquet", "json")]
    exports = [word for path in paths for word in ("--export", path)]
    told = invoke(folder, "--no-html", "--best-per", "sampler", *exports).stdout
    assert [f"table: {path}" for path in paths] == told.splitlines()[-5:]
    table = pd.read_csv(paths[0])
    assert table["sampler"].tolist() == ["euler", "heun"]
    assert table["fid"].tolist() == pytest.approx([2.05, 2.05])
    pd.testing.assert_frame_equal(pd.read_parquet(paths[3]), table, check_dtype=False)
    assert pd.read_json(paths[4])["fid_stderr"].tolist() == pytest.approx([0.05, 0.05])
    assert "**2.050** ± 0.050" in paths[1].read_text()
    assert r"$\mathbf{2.050} \pm 0.050$" in paths[2].read_text()


def test_exports_of_a_comparison(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a"), write(tmp_path / "b", fid=2.0)
    invoke(a, b, "--no-html", "--export", tmp_path / "t.csv", "--export", tmp_path / "t.md")
    table = pd.read_csv(tmp_path / "t.csv")
    assert table.loc[table["metric"] == "fid", "difference"].tolist() == pytest.approx([1.0] * 4)
    assert "not enough repeats" in (tmp_path / "t.md").read_text()


def test_figures(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    paths = [tmp_path / name for name in ("pareto-fid.svg", "heatmap.png", "iterations.pdf")]
    invoke(folder, "--no-html", *[word for path in paths for word in ("--figure", path)])
    starts = [path.read_bytes()[:4] for path in paths]
    assert starts == [b"<svg", b"\x89PNG", b"%PDF"]
    other = write(tmp_path / "b", fid=2.0)
    invoke(folder, other, "--no-html", "--figure", tmp_path / "differences.svg")
    assert "difference in fid" in (tmp_path / "differences.svg").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("--export", "t.docx"),
            "--export: t.docx should end in .csv, .md, .tex, .parquet or .json",
        ),
        (("--figure", "pareto.bmp"), "--figure pareto.bmp: a figure is .*"),
        (("--figure", "paret.svg"), "--figure: no figure 'paret'; did you mean pareto\\?"),
        (("--figure", "samples.svg"), "--figure samples: a has no pictures of samples"),
        (("--figure", "heatmap.svg", "--axes", "m"), "--axes: no column 'm'.*"),
        (("--axes", "n"), "--axes: is of a figure; choose one with --figure, e.g. heatmap.svg"),
        (("--where", "nfe <"), "--where: .*"),
        (("--columns", "fib"), "--columns: no column 'fib'.*"),
        (("--best-per", "fib"), "--best-per: no column 'fib'.*"),
        (("--sort", "fib"), "can't sort by 'fib'; did you mean fid\\?"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    folder = write(tmp_path / "a")
    result = CliRunner().invoke(app, ["report", str(folder), "--no-html", *words])
    assert isinstance(result.exception, UserError)
    assert re.fullmatch(told, str(result.exception))


def test_wrong_suffixes_are_told_before_anything_is_written(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    good, bad = tmp_path / "t.csv", tmp_path / "t.doc"
    result = CliRunner().invoke(
        app, ["report", str(folder), "--export", str(good), "--export", str(bad)]
    )
    assert isinstance(result.exception, UserError)
    assert result.stdout == ""
    assert not good.exists()


def test_options_of_one_table_are_refused_for_several(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a"), write(tmp_path / "b")
    for option in ({"columns": "fid"}, {"best_per": "sampler"}):
        with pytest.raises(UserError, match="--best-per and --columns are for one table"):
            module.report([a, b], **option)


def test_nothing_has_finished_yet(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", unfinished=8)
    assert "none of its 8 cells has finished yet" in invoke(folder).stdout
    assert "None of the 8 cells has finished yet." in (folder / "report.html").read_text()


def test_watching_a_sweep_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.05)
    folder = write(tmp_path / "a", unfinished=3)
    page = folder / "report.html"
    refreshes = []

    def finish() -> None:
        while not page.exists():
            time.sleep(0.01)
        refreshes.append(data_of(page)["refresh"])
        write(folder)

    sweep = threading.Thread(target=finish)
    sweep.start()
    # Nothing to join by a curve in the rows that there are at first.
    figure = tmp_path / "iterations.svg"
    module.report([folder], watch=True, where="sampler == 'heun'", figures=[figure])
    sweep.join()
    told, warned = capsys.readouterr()
    assert warned.startswith("warning: --figure iterations")
    assert figure.exists()
    assert told.index("partial results: 1 of 4 cells") < told.rindex("page: ")
    assert "partial" not in told.rpartition("configurations ranked")[2]
    assert refreshes == [0.05]
    assert data_of(page)["refresh"] is None
    assert "Partial results" not in page.read_text()


def test_watching_ends_with_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    folder = write(tmp_path / "a", unfinished=1)
    with pytest.raises(typer.Exit) as raised:
        module.report([folder], watch=True, no_html=True)
    assert raised.value.exit_code == 130
