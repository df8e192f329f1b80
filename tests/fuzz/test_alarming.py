"""What is made to hang, to fill the memory, to run or to lead elsewhere, by hand."""

from __future__ import annotations

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import scorebench
from scorebench import Context, UserError
from scorebench.report.document import Selection, document
from scorebench.store import Store
from scorebench.suite.load import load_suite
from scorebench.train import load_checkpoint
from scorebench_plugins.metrics.published_statistics import read_statistics

from .watch import CANARY, watched

LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 30))
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{f'*a{i - 1}, ' * 9}]}}\n" for i in range(1, 30)
)
FINGERPRINT = "ab" * 16
PLAN = {"suite": "small", "better": {"fid": "lower"}, "cells": []}


def refused(read: Callable[[], object], *words: str) -> None:
    """The user is told in one line, with these words, and nothing else has happened."""
    with pytest.raises(UserError) as caught, watched():
        read()
    (line,) = str(caught.value).splitlines()
    assert all(word in line for word in words), line


def pipe(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LAUGHS, "too many values"),
        (MERGES, "too many values"),
        ("[" * 900_000, "nested too deeply"),
        ("{" * 900_000, "nested too deeply"),
        ("- " * 400_000, "nested too deeply"),
        ("[" * 10_000_000, "larger than 1,000,000 bytes"),
        ("&a [*a]", "refers to itself"),
        ("x: " + "9" * 900_000, "too large"),
        ("x: 1" + ":0" * 400_000, "too large"),
        (f"!!python/object/apply:os.mkdir [{CANARY}]", "is not allowed"),
        (f"!!python/object/new:os.{CANARY} []", "is not allowed"),
        ("a: \0", "is not allowed"),
        ('"\\ud800": 1', "half a character"),
    ],
    ids=range(13),
)
def test_texts_that_are_no_suites(tmp_path: Path, text: str, told: str) -> None:
    (path := tmp_path / "suite.yaml").write_text(text)
    refused(lambda: load_suite(path), "suite.yaml", told)


def test_places_that_are_no_suites(tmp_path: Path) -> None:
    (loop := tmp_path / "loop.yaml").symlink_to(loop)
    path = pipe(tmp_path / "pipe.yaml")
    refused(lambda: load_suite(path), "not a file")
    refused(lambda: load_suite("/dev/zero"), "not a file")
    refused(lambda: load_suite(tmp_path), "a directory")
    refused(lambda: load_suite(loop), "loop.yaml")
    refused(lambda: load_suite(tmp_path / "a\0b.yaml"), "null")
    refused(lambda: load_suite(tmp_path / ("x" * 300)), "can't be read")


def test_results_that_are_pipes_or_loops(tmp_path: Path) -> None:
    pipe(tmp_path / "made" / "plan.json")
    (loop := tmp_path / "loop").symlink_to(loop)
    refused(lambda: document([tmp_path / "made"], Selection()), "plan.json")
    refused(lambda: document([loop], Selection()), "no such results directory")
    path = pipe(tmp_path / "t.csv")
    refused(lambda: document([path], Selection()), "no such file")


def test_records_nested_too_deeply_are_as_if_missing(tmp_path: Path) -> None:
    plan = {**PLAN, "cells": [{"fingerprint": FINGERPRINT, "columns": {}}]}
    Store(tmp_path).begin("", plan)
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / f"{FINGERPRINT}.json").write_text("[" * 100_000 + "]" * 100_000)
    with watched():
        assert Store(tmp_path).table().empty
    (tmp_path / "plan.json").write_text('{"suite": ' + "[" * 100_000)
    refused(Store(tmp_path).plan, "no readable plan.json")


@pytest.mark.parametrize("name", ["../../{}", "{}", "/{}", "../made/cells/{}", "{}\0"])
def test_fingerprints_that_lead_elsewhere_are_of_no_cell(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    fingerprint = name.format(str(outside).lstrip("/"))
    plan = {**PLAN, "cells": [{"fingerprint": fingerprint, "columns": {}}]}
    Store(tmp_path / "made").begin("", plan)
    record = {"row": {"fingerprint": fingerprint, "status": "ok", "seed": 0}}
    outside.with_suffix(".json").write_text(json.dumps(record))
    with watched(tmp_path / "made"):
        assert Store(tmp_path / "made").write_table().empty


def test_tables_with_too_many_columns_or_rows(tmp_path: Path) -> None:
    names = ",".join(f"c{i}" for i in range(1_000_000))
    (wide := tmp_path / "wide.csv").write_text(f"{names}\n{names}\n")
    refused(lambda: document([wide], Selection()), "more than 10,000 columns")
    many = pa.table({f"c{i}": pa.nulls(1) for i in range(20_000)})
    pq.write_table(many, wide.with_suffix(".parquet"))
    refused(lambda: document([wide.with_suffix(".parquet")], Selection()), "10,000 columns")
    bomb = pa.table({"fid": pa.nulls(2**26, pa.float64())})  # 2 kB in the file
    pq.write_table(bomb, tmp_path / "long.parquet")
    refused(lambda: document([tmp_path / "long.parquet"], Selection()), "10,000,000 rows")


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (CANARY,))


def test_notes_in_a_parquet_file_are_neither_run_nor_followed(tmp_path: Path) -> None:
    table = pa.Table.from_pandas(pd.DataFrame({"sampler": ["heun"], "fid": [1.0]}))
    python = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Bomb()),
    }
    field = table.schema.field("fid").with_metadata(python)
    index = [{"kind": "range", "name": None, "start": 0, "stop": 2**40, "step": 1}]
    pandas = {"index_columns": index, "columns": [{"name": 3, "numpy_type": "x[y]"}]}
    schema = pa.schema([table.schema.field("sampler"), field]).with_metadata(
        {b"pandas": json.dumps(pandas).encode()}
    )
    pq.write_table(table.cast(schema), tmp_path / "table.parquet")
    with watched():
        assert len(document([tmp_path / "table.parquet"], Selection()).frame()) == 1


@pytest.mark.parametrize("length", [0, 1, 10**8, 2**40, 2**63, 2**64 - 1])
def test_headers_of_impossible_lengths(tmp_path: Path, length: int) -> None:
    (tmp_path / "config.yaml").write_text("{name: a, network: mlp, objective: ncsn, steps: 1}")
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", length) + b'{"a": 1}')
    refused(lambda: load_checkpoint(tmp_path), "damaged or no file of weights")


def test_checkpoints_that_are_pipes(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("{name: a, network: mlp, objective: ncsn, steps: 1}")
    pipe(tmp_path / "model.safetensors")
    refused(lambda: load_checkpoint(tmp_path), "not a file")
    pipe(tmp_path / "other" / "config.yaml")
    refused(lambda: load_checkpoint(tmp_path / "other"), "not a file")


def test_images_and_statistics_that_are_pipes_or_pickles(tmp_path: Path) -> None:
    pipe(tmp_path / "images" / "a.png")
    folder = scorebench.build("dataset", "image_folder", path=tmp_path / "images")
    refused(lambda: folder.load(Context()).x[:], "not a file")
    path = pipe(tmp_path / "pipe.npz")
    refused(lambda: read_statistics(path), "no such file")
    np.savez(tmp_path / "s.npz", mu=np.array([Bomb()]), sigma=np.eye(1))
    refused(lambda: read_statistics(tmp_path / "s.npz"), "expected statistics")
