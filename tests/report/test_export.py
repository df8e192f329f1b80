from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorebench.errors import UserError
from scorebench.report.export import export
from scorebench.report.layout import Column, Grid
from scorebench.report.numbers import printable

GRIDS = [("of a", Grid([Column("fid", ["1.5"], losses=[1.5])], 1))]
FRAME = pd.DataFrame(
    {
        "rank": pd.array([1, 2, None], "Int64"),
        "sampler": ["=1+1", "-x", None],
        "eta": [-0.5, 1.0, math.nan],
        "fid": [1 / 3, math.inf, -math.inf],
        "mixed": pd.Series(["-1", 2, None], dtype=object),
        "coupled": [True, False, True],
    }
)


def written(tmp_path: Path, suffix: str, frame: pd.DataFrame = FRAME) -> Path:
    path = tmp_path / "further" / f"table{suffix}"
    export(path, frame=frame, grids=GRIDS)
    return path


def test_csv_has_all_digits_and_no_formulas(tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(written(tmp_path, ".csv").read_text("utf-8"))))
    assert rows == [
        ["rank", "sampler", "eta", "fid", "mixed", "coupled"],
        ["1", "'=1+1", "-0.5", repr(1 / 3), "-1", "True"],
        ["2", "'-x", "1.0", "inf", "2", "False"],
        ["", "", "", "-inf", "", "True"],
    ]


TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("=+-@1.e\t\r\n,\"'"), min_size=1)


@given(TEXT, TEXT)
def test_no_cell_of_a_csv_runs(tmp_path_factory: pytest.TempPathFactory, a: str, b: str) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    export(path, frame=pd.DataFrame({b: [a, "x"]}), grids=[])
    with path.open(newline="", encoding="utf-8") as file:
        (name,), (cell,), _ = csv.reader(file)
    for shown, text in ((name, printable(b)), (cell, printable(a))):
        assert shown in (text, f"'{text}")
        if shown.startswith(("=", "+", "-", "@")):
            float(shown)


def test_parquet_keeps_types(tmp_path: Path) -> None:
    back = pd.read_parquet(written(tmp_path, ".parquet"))
    assert back["rank"].tolist() == [1, 2, pd.NA]
    assert back["eta"].tolist()[:2] == [-0.5, 1.0]
    assert back["fid"].tolist() == [1 / 3, math.inf, -math.inf]
    assert back["sampler"].tolist()[:2] == ["=1+1", "-x"]
    assert back["mixed"].tolist()[:2] == ["-1", "2"]
    assert back["mixed"].isna().tolist() == [False, False, True]
    assert back["coupled"].dtype == bool


def test_json_is_standard(tmp_path: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    text = written(tmp_path, ".json").read_text("utf-8")
    assert json.loads(text, parse_constant=refuse) == [
        {"rank": 1, "sampler": "=1+1", "eta": -0.5, "fid": 1 / 3, "mixed": "-1", "coupled": True},
        {"rank": 2, "sampler": "-x", "eta": 1.0, "fid": None, "mixed": 2, "coupled": False},
        {"rank": None, "sampler": None, "eta": None, "fid": None, "mixed": None, "coupled": True},
    ]
    assert text.startswith('[\n {\n  "rank": 1,\n')


def test_tables_to_print(tmp_path: Path) -> None:
    assert written(tmp_path, ".md").read_text("utf-8").startswith("**of a**\n\n| fid |\n")
    assert "\\caption{of a}" in written(tmp_path, ".TEX").read_text("utf-8")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_no_rows(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, suffix, FRAME.head(0))
    match suffix:
        case ".csv":
            assert path.read_text() == "rank,sampler,eta,fid,mixed,coupled\n"
        case ".parquet":
            assert list(pd.read_parquet(path)) == list(FRAME)
        case _:
            assert json.loads(path.read_text()) == []


@pytest.mark.parametrize("name", ["table", "table.xlsx", "table.csv.gz", ".csv"])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"in \.csv, \.md, \.tex, \.parquet or \.json$") as raised:
        export(tmp_path / name, frame=FRAME, grids=GRIDS)
    assert name in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "a.csv", tmp_path / "file" / "b.csv", tmp_path / f"{'x' * 300}.csv"):
        with pytest.raises(UserError, match=r"^--export: .* can't be written: ") as raised:
            export(path, frame=FRAME, grids=GRIDS)
        assert "\n" not in str(raised.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "file"]
