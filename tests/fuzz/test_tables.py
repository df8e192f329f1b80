"""Bare tables of anybody's making."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given

from scorebench.report.document import Selection, document

from .budget import inputs
from .spoiling import NUMBERS, WORDS, spoiled_bytes, spoiled_text
from .watch import reading

TABLE = pd.DataFrame(
    {
        "model": ["gaussian"] * 4,
        "sampler": ["heun", "heun", "euler", "euler"],
        "sampler.steps": [5, 10, 5, None],
        "seed": [0, 1, 0, 1],
        "coupled": [True, False, True, True],
        "fid": [1.5, 2.0, 3.0, float("nan")],
        "status": ["ok", "ok", "ok", "failed"],
        "error": [None, None, None, "no"],
    }
)
CSV = [TABLE.to_csv(index=False), TABLE.to_csv(), TABLE.to_csv(sep=";", index=False)]
TOKENS = [
    *map(str, (*NUMBERS, *WORDS)),
    ",",
    ";",
    '"',
    "\n",
    "\r",
    "\t",
    "fid",
    "seed",
    "Unnamed: 0",
]


def parquet(table: pd.DataFrame, **options: Any) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, **options)
    return buffer.getvalue()


PARQUET = [
    parquet(TABLE, index=False, compression=None),
    parquet(TABLE.set_index("sampler"), compression="snappy"),
]


def told(path: Path) -> None:
    made = document([path], Selection())
    made.frame()
    made.grids()
    list(made.terminal(0))


@pytest.mark.parametrize(
    ("suffix", "content"), [(".csv", CSV[0].encode()), (".parquet", PARQUET[0])]
)
def test_the_sound_tables_are_reported_on(tmp_path: Path, suffix: str, content: bytes) -> None:
    (path := tmp_path / f"table{suffix}").write_bytes(content)
    told(path)


@inputs("csv")
@given(spoiled_text(CSV, TOKENS))
def test_spoiled_csv(tmp_path: Path, content: str) -> None:
    (path := tmp_path / "table.csv").write_bytes(content.encode(errors="surrogatepass"))
    reading(lambda: told(path))


@inputs("parquet")
@given(spoiled_bytes(PARQUET))
def test_spoiled_parquet(tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "table.parquet").write_bytes(content)
    reading(lambda: told(path))
