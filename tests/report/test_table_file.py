from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from scorebench.errors import UserError
from scorebench.report.table_file import read_table_file


def read(folder: Path, content: str | bytes | pd.DataFrame | pa.Table) -> pd.DataFrame:
    """What is read from a file with that content: text is a .csv, a table a .parquet."""
    path = folder / ("t.csv" if isinstance(content, str | bytes) else "t.parquet")
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, pd.DataFrame):
        content.to_parquet(path)
    else:
        parquet.write_table(content, path)
    return read_table_file(path)


def cells(column: pd.Series[Any]) -> list[Any]:
    return column.astype(object).where(column.notna(), None).tolist()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "2"], [1, 2]),
        (["1", "2.5", "-3e-2", "inf"], [1.0, 2.5, -0.03, math.inf]),
        (["1", "", "NaN", "NA", "null", "–", "2"], [1, None, None, None, None, None, 2]),
        (["", ""], [None, None]),
        (["True", "", "False"], [True, None, False]),
        (["TRUE", "FALSE"], [True, False]),
        (["True", "1"], ["True", "1"]),
        (["2", "auto", "NA", ""], ["2", "auto", "NA", None]),
        (["1,5"], ["1,5"]),
        (["007", "8"], ["007", "8"]),
        (["12e456789", "34e567890"], ["12e456789", "34e567890"]),
        (["18446744073709551616", "1"], ["18446744073709551616", "1"]),
        (["9223372036854775807"], [2**63 - 1]),
    ],
)
def test_types_of_a_csv(tmp_path: Path, texts: list[str], expected: list[object]) -> None:
    lines = "\n".join(f'"{text}",x' for text in texts)
    assert cells(read(tmp_path, f"c,d\n{lines}\n")["c"]) == expected


@pytest.mark.parametrize(
    "name", ["suite", "sampler", "status", "fingerprint", "features_digest", "metric.fid.yardstick"]
)
def test_names_and_digests_stay_text(tmp_path: Path, name: str) -> None:
    assert cells(read(tmp_path, f"{name},d\n12,1\n,1\nTrue,1\n")[name]) == ["12", None, "True"]
    table = pd.DataFrame({name: [12, 3]})
    assert cells(read(tmp_path, table)[name]) == ["12", "3"]


@given(values=st.lists(st.floats(allow_nan=False), min_size=1))
def test_numbers_are_read_to_the_last_bit(
    values: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    text = pd.DataFrame({"c": values}).to_csv(index=False)
    assert read(folder, text)["c"].tolist() == values


def test_what_spreadsheets_and_people_write(tmp_path: Path) -> None:
    expected = [["heun", 1.5], ["a; b, c", 2.0]]
    for text in (
        '\ufeffsampler,fid\nheun,1.5\n"a; b, c",2\n',
        'sampler;fid\r\nheun;1.5\r\n"a; b, c";2\r\n',
        'sampler, fid\n\nheun, 1.5\n"a; b, c", 2\n\n',
    ):
        table = read(tmp_path, text)
        assert list(table) == ["sampler", "fid"]
        assert table.to_numpy().tolist() == expected


def test_an_index_that_pandas_wrote_is_dropped(tmp_path: Path) -> None:
    table = pd.DataFrame({"sampler": ["a", "b"], "fid": [1.0, 2.0]}, index=[5, 9])
    again = pd.DataFrame({"Unnamed: 0": [5, 9], "sampler": ["a", "b"], "fid": [1.0, 2.0]})
    for content in (table, table.to_csv(), again.to_csv(), pa.table(again)):
        found = read(tmp_path, content)
        assert list(found) == ["sampler", "fid"]
        assert found.index.tolist() == [0, 1]
    named = read(tmp_path, table.set_index("sampler"))
    assert named["sampler"].tolist() == ["a", "b"]


def test_types_of_a_parquet_are_kept(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "sampler.n": pd.array([1, None], dtype="Int64"),
            "sampler.text": ["1.0", "2"],
            "sampler.flag": ["True", None],
            "sampler.list": [[1, 2], None],
            "fid": [0.1, math.nan],
            "none": pd.Series([None, None], dtype=object),
        }
    )
    found = read(tmp_path, table)
    assert cells(found["sampler.n"]) == [1, None]
    assert cells(found["sampler.text"]) == ["1.0", "2"]
    assert cells(found["sampler.flag"]) == [True, None]
    assert cells(found["sampler.list"]) == ["[1 2]", None]
    assert cells(found["fid"]) == [0.1, None]
    assert cells(found["none"]) == [None, None]


def test_a_header_without_rows(tmp_path: Path) -> None:
    table = read(tmp_path, "sampler,fid")
    assert (list(table), len(table)) == (["sampler", "fid"], 0)


def test_suffixes_may_be_in_capital_letters(tmp_path: Path) -> None:
    path = tmp_path / "T.CSV"
    path.write_text("sampler\nheun\n")
    assert read_table_file(path)["sampler"].tolist() == ["heun"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "can't be read as a .csv table: No columns"),
        ("a,b\n1,2,3\n", "can't be read as a .csv table: .* line 2, saw 3"),
        ('a,b\n1,"2\n', "can't be read as a .csv table"),
        (b"a,b\n\xff,1\n", "can't be read as a .csv table: 'utf-8' codec"),
        ("a,b, a\n1,2,3\n", "two columns are called a"),
        (pa.table([[1], [2]], names=["a", "a"]), "two columns are called a"),
        (",".join(map(str, range(20_000))), "can't be read as a .csv table: it has more than 10,0"),
        (";".join(map(str, range(20_000))), "can't be read as a .csv table: it has more than 10,0"),
        (pa.table({f"c{i}": [1] for i in range(20_000)}), "can't be read .* it has more than 10,0"),
        (pa.table({"a": pa.nulls(2**24)}), "can't be read as a .parquet table: it has more than"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, content: str | bytes, why: str) -> None:
    with pytest.raises(UserError, match=rf"t\.(csv|parquet): {why}") as raised:
        read(tmp_path, content)
    assert str(raised.value).isprintable()


def test_what_pandas_notes_in_a_parquet_may_make_no_sense(tmp_path: Path) -> None:
    index = [{"kind": "range", "name": None, "start": 0, "stop": 2**40, "step": 1}]
    notes = {"index_columns": index, "columns": [{"name": 3, "numpy_type": "x[y]"}]}
    table = pa.table({"a": [1, 2]}).replace_schema_metadata({"pandas": json.dumps(notes)})
    assert cells(read(tmp_path, table)["a"]) == [1, 2]


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing\.csv: there is no such file"):
        read_table_file(tmp_path / "missing.csv")
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 or not")
    with pytest.raises(UserError, match=r"t\.parquet: can't be read as a \.parquet table"):
        read_table_file(path)


def outcome(folder: Path, content: bytes) -> pd.DataFrame | UserError:
    try:
        return read(folder, content)
    except UserError as error:
        return error


@given(content=st.one_of(st.binary(), st.text('ab1.,;"\n\r\0 -e', max_size=40).map(str.encode)))
def test_any_bytes_are_a_table_or_a_mistake(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = outcome(tmp_path_factory.getbasetemp(), content)
    if isinstance(found, UserError):
        assert str(found).isprintable()
    else:
        assert found.columns.is_unique
