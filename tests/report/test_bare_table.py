from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from scorebench.errors import UserError
from scorebench.plugin.host import default_host
from scorebench.report import columns
from scorebench.report.bare_table import BETTER, LEVEL, directions, read_bare_table
from scorebench.report.comparable import parts
from scorebench.report.comparison import compare
from scorebench.report.document import Selection, document
from scorebench.report.ranking import rank
from scorebench.report.results import read
from scorebench.store import Store

Write = Callable[..., Path]


def bare(folder: Path, text: str) -> pd.DataFrame:
    path = folder / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return read_bare_table(path)


def test_what_a_table_does_not_say_has_defaults(tmp_path: Path) -> None:
    table = bare(tmp_path, "fid,sampler\n1.5,heun\n2,euler\n")
    assert list(table)[:4] == ["suite", "model", "schedule", "sampler"]
    assert table["suite"].tolist() == ["mine", "mine"]
    assert table["status"].tolist() == ["ok", "ok"]
    assert table["seed"].tolist() == table["repeat"].tolist() == [0, 0]
    empty = ["model", "schedule", "samples", "nfe", "seconds"]
    empty += ["error", "device", "environment", "fingerprint"]
    assert table[empty].isna().all(axis=None)
    ranking = rank(table, directions(table))
    assert ranking.means["fid"].tolist() == [1.5, 2.0]
    assert ranking.configurations["model"].tolist() == ["–", "–"]


def test_what_a_table_says_is_kept(tmp_path: Path) -> None:
    table = bare(
        tmp_path,
        "suite,sampler,sampler.steps,status,error,nfe,fid,device\n"
        "a,heun,5,,,10,1.5,cpu\n"
        "a,heun,,failed,ValueError: no,,,cpu\n",
    )
    assert table["suite"].tolist() == ["a", "a"]
    assert table["status"].tolist() == ["ok", "failed"]
    assert table["error"].tolist()[1] == "ValueError: no"
    assert table["nfe"].tolist()[0] == 10
    assert columns.texts(table, ["sampler.steps"])["sampler.steps"].tolist() == ["5", "–"]


def test_rows_of_one_configuration_are_its_repeats_of_unknown_seeds(tmp_path: Path) -> None:
    text = "sampler,sampler.n,fid\na,1,1\na,2,1\na,1,2\nb,,1\na,1,3\n"
    table = bare(tmp_path, text)
    assert table["repeat"].tolist() == [0, 0, 1, 0, 2]
    assert table["seed"].fillna(-1).tolist() == [-1, 0, -1, 0, -1]


def test_rows_of_other_yardsticks_are_no_repeats(tmp_path: Path) -> None:
    text = "sampler,fid,metric.fid.yardstick\na,1,x\na,1,y\na,1,y\n"
    assert bare(tmp_path, text)["repeat"].tolist() == [0, 0, 1]


def test_seeds_and_repeats_are_taken_from_the_table(tmp_path: Path) -> None:
    table = bare(tmp_path, "sampler,seed,fid\na,7,1\na,3,2\n")
    assert table["seed"].tolist() == table["repeat"].tolist() == [7, 3]
    table = bare(tmp_path, "sampler,repeat,fid\na,7,1\na,3,2\n")
    assert table["seed"].tolist() == table["repeat"].tolist() == [7, 3]
    table = bare(tmp_path, "sampler,repeat,seed,fid\na,0,7.0,1\na,1,3.0,2\n")
    assert table["repeat"].tolist() == [0, 1]
    assert table["seed"].dtype == np.int64


def test_a_header_without_rows(tmp_path: Path) -> None:
    table = bare(tmp_path, "sampler,seed,fid\n")
    assert table.empty
    assert {"suite", "sampler", "status", "seconds", "fid"} <= {*table}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("smpler,fid\na,1\n", "there is no column sampler; did you mean smpler?"),
        ("x,fid\na,1\n", "there is no column sampler; known: fid, x"),
        ("sampler,mine\na,1\n", "no column is a metric that is known .*; known: authenticity, "),
        ("sampler,nfe\na,1\n", "no column is a metric"),
        ("sampler,fid\na,1\nb,low\n", "column fid should have numbers only, but has 'low'"),
        ("sampler,fid\na,007\n", "column fid should have numbers only, but has '007'"),
        ("sampler,fid,samples\na,1,many\n", "column samples should have numbers only"),
        ("sampler,fid,samples\na,1,True\n", "column samples should have numbers .* has 'True'"),
        ('sampler,fid,"x\x1b",x\\x1b\na,1,1,1\n', "two columns are called x"),
        ("sampler,fid,seed\na,1,0.5\n", "column seed should have a whole number in every row"),
        ("sampler,fid,seed\na,1,0\nb,1,\n", "column seed should have a whole number"),
        ("sampler,fid,seed\na,1,inf\n", "column seed should have a whole number"),
        ("sampler,fid,seed\na,1,1e30\n", "column seed should have a whole number"),
        (
            "sampler,fid,seed,steps\nb,1,3,1\na,1,3,1\nc,1,3,1\na,1,3,2\n",
            "rows 2 and 4 have one configuration and seed 3; .*as in sampler.steps",
        ),
        (
            "sampler,fid,dataset\na,1,digits\na,2,cifar10\n",
            "rows of one configuration differ in dataset; name it sampler.dataset",
        ),
        ("sampler,fid,eta\na,1,True\na,2,False\n", "rows of one configuration differ in eta"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UserError, match=rf"mine\.csv: {why}") as raised:
        bare(tmp_path, text)
    assert str(raised.value).isprintable()


def test_words_beside_the_configuration_are_no_harm(tmp_path: Path) -> None:
    text = "sampler,fid,note\na,1,see <script>\na,2,see <script>\nb,2,\n"
    assert bare(tmp_path, text)["repeat"].tolist() == [0, 1, 0]
    assert len(bare(tmp_path, "sampler,fid,seed,note\na,1,0,x\na,2,1,y\n")) == 2


def test_names_from_a_file_are_made_printable(tmp_path: Path) -> None:
    table = bare(tmp_path, 'sampler,fid,"sampler.\x1b[31m"\na,1,1\n')
    assert r"sampler.\x1b[31m" in table


def test_directions_are_those_of_the_shipped_metrics() -> None:
    host = default_host()
    shipped: dict[str, str] = {}
    for name in host.components("metric"):
        cls = host.find("metric", name)
        for parameters in getattr(cls, "examples", ({},)):
            shipped |= host.build("metric", name, parameters).better
    shipped |= host.build("metric", "fid", {"infinity": 15}).better
    levels = {name: way for name, way in shipped.items() if LEVEL.fullmatch(name)}
    assert levels
    assert {name: way for name, way in shipped.items() if name not in levels} == BETTER
    assert directions(shipped) == shipped


def test_directions_of_other_columns_are_unknown() -> None:
    assert directions(["nfe", "dsm_loss_0p05", "score_error_1em05", "likelihood", "fid"]) == {
        "dsm_loss_0p05": "lower",
        "score_error_1em05": "lower",
        "fid": "lower",
    }


@pytest.mark.parametrize("file", ["table.csv", "table.parquet"])
def test_the_table_of_a_results_directory_gives_its_report(write_results: Write, file: str) -> None:
    rows = [
        {
            "sampler": sampler,
            "sampler.step_size": size,
            "sampler.flag": flag,
            "schedule.sigmas": [2.0, 1.0],
            "schedule.n": n,
            "repeat": repeat,
            "fid": 10 / 3 + repeat - n + (size or 0),
            "recall": math.nan if n == 5 else 0.5,
            "features_digest": "0123456789",
            "metric.fid.yardstick": "12e4567890" if n == 5 else "34e5678901",
            "metric.fid.version": 1,
        }
        for n in (5, 10)
        for repeat in (0, 1)
        for sampler, size, flag in (
            ("langevin", 1e-5, True),
            ("langevin", 2.0, False),
            ("heun", None, None),
        )
    ]
    rows += [{**rows[-1], "repeat": 2, "fid": None, "status": "failed", "error": "no"}]
    folder = write_results(*rows)
    Store(folder).write_table()
    whole, alone = read([folder, folder / file])
    assert (alone.folder, alone.planned, alone.settings) == (None, 13, {})
    assert alone.better == whole.better
    for own, other in zip(parts(whole), parts(alone), strict=True):
        assert own.told == other.told
        ranking, expected = (rank(p.results.table, p.results.better) for p in (other, own))
        for frame in ("configurations", "means", "errors", "repeats"):
            pd.testing.assert_frame_equal(
                getattr(ranking, frame), getattr(expected, frame), check_column_type=False
            )
        assert ranking.constants == expected.constants
        assert ranking.failures == expected.failures
    comparison = compare([whole, alone])
    assert comparison.asides == []
    assert (comparison.differences["table." + file[6:]]["fid"] == 0).all()


def test_yardsticks_tell_rows_of_one_table_apart(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("sampler,fid,metric.fid.yardstick\na,1,12e456\nb,2,34e567\n")
    (results,) = read([path])
    assert len(parts(results)) == 2


@pytest.mark.parametrize("status", ["OK", "ok ", " Ok", "", '""'])
def test_rows_that_ended_ok_may_say_so_in_many_ways(tmp_path: Path, status: str) -> None:
    table = bare(tmp_path, f"sampler,fid,status\na,1,{status}\nb,,not ok\n")
    assert table["status"].tolist() == ["ok", "not ok"]


def test_a_report_bears_unknown_seeds(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("sampler,fid,recall\na,1,0.5\na,2,0.5\nb,3,0.5\n")
    content = document([path], Selection(condition="seed == none")).content()
    assert content.payload["rows"]["columns"]["seed"] == {"value": None}
    assert content.payload["rows"]["columns"]["repeat"] == {"values": [0, 1]}


def test_decimals_of_a_parquet_are_numbers(tmp_path: Path) -> None:
    fids = [Decimal("1.5"), None, Decimal("2.25")]
    table = pa.table({"sampler": list("abc"), "fid": fids, "seed": [Decimal(i) for i in range(3)]})
    parquet.write_table(table, tmp_path / "t.parquet")
    read = read_bare_table(tmp_path / "t.parquet")
    assert read["fid"].fillna(-1).tolist() == [1.5, -1, 2.25]
    assert read["seed"].tolist() == [0, 1, 2]
