from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scorebench.report.ranked_frame import ranked_frame, stacked
from scorebench.report.ranking import best_per, choose, rank
from scorebench.report.results import Results, read

Write = Callable[..., Path]


def results_of(write_results: Write) -> Results:
    folder = write_results(
        {"sampler": "b", "sampler.eta": 1, "repeat": 0, "fid": 3.0, "recall": 0.5},
        {"sampler": "b", "sampler.eta": 1, "repeat": 1, "fid": 4.0, "recall": 0.7},
        {"sampler": "a", "sampler.s": 2, "repeat": 0, "fid": 1.0, "recall": 0.1, "nfe": 7},
        {"sampler": "a", "sampler.s": 2, "repeat": 1, "status": "diverged", "error": "no"},
        {"sampler": "c", "repeat": 0, "status": "failed", "error": "no"},
    )
    (results,) = read([folder])
    return results


def test_numbers_as_they_are(write_results: Write) -> None:
    table = results_of(write_results).table
    frame = ranked_frame(table, rank(table, {"fid": "lower", "recall": "higher"}))
    assert list(frame) == [
        *("rank", "suite", "model", "schedule", "sampler", "sampler.eta", "sampler.s", "samples"),
        *("fid", "fid_stderr", "recall", "recall_stderr", "nfe", "nfe_stderr"),
        *("seconds", "seconds_stderr", "repeats_ok", "repeats", "status"),
    ]
    assert frame["rank"].tolist() == [1, 2, pd.NA]
    assert frame["sampler"].tolist() == ["a", "b", "c"]
    assert frame["sampler.eta"].tolist() == [pd.NA, 1, pd.NA]
    assert frame["sampler.s"].tolist() == [2, pd.NA, pd.NA]
    assert frame["samples"].tolist() == [100] * 3
    assert frame["fid"].tolist()[:2] == [1.0, 3.5]
    assert frame["fid_stderr"].iloc[1] == pytest.approx(np.std([3, 4], ddof=1) / math.sqrt(2))
    assert frame["fid_stderr"].isna().tolist() == [True, False, True]
    assert frame["nfe"].tolist()[:2] == [7.0, 10.0]
    assert frame[["repeats_ok", "repeats"]].to_numpy().tolist() == [[1, 2], [2, 2], [0, 1]]
    assert frame["status"].tolist() == ["diverged", "ok", "failed"]


def test_the_columns_chosen(write_results: Write) -> None:
    table = results_of(write_results).table
    ranking = choose(rank(table, {"fid": "lower"}), ["recall", "suite", "fid"])
    frame = ranked_frame(table, ranking)
    shown = ["recall", "recall_stderr", "suite", "fid", "fid_stderr"]
    assert list(frame) == ["rank", *shown, "repeats_ok", "repeats", "status"]


def test_only_the_best_and_a_table_with_labels_of_its_own(write_results: Write) -> None:
    table = results_of(write_results).table
    table.index = pd.Index(range(100, 105))
    table["sampler.s"] = [1, 1, 2, 2, 3]
    frame = ranked_frame(table, best_per(rank(table, {"fid": "lower"}), ["samples"]))
    assert frame[["sampler", "sampler.s", "rank"]].to_numpy().tolist() == [["a", 2, 1]]


def test_metrics_called_like_other_columns_do_not_replace_them(write_results: Write) -> None:
    (results,) = read([write_results({"fid": 1.5, "rank": 9.0, "repeats": 9.0, "status": "ok"})])
    frame = ranked_frame(results.table, rank(results.table, {"fid": "lower"}))
    assert frame[["rank", "fid", "repeats", "status"]].to_numpy().tolist() == [[1, 1.5, 1, "ok"]]


def test_parts_in_one_frame() -> None:
    a, b = pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [3], "y": ["z"]})
    assert stacked([("all", a)]) is a
    both = stacked([("first", a), ("second", b)])
    assert list(both) == ["part", "x", "y"]
    assert both["part"].tolist() == ["first", "first", "second"]
    assert both["x"].tolist() == [1, 2, 3]
    assert both["y"].tolist()[2:] == ["z"]
    assert both.index.tolist() == [0, 1, 2]


def test_no_column_is_lost_to_another_of_its_name(write_results: Write) -> None:
    names = ("rank", "repeats", "repeats_ok", "part", "rank_", "recall_stderr", "recall")
    folder = write_results({name: float(i) for i, name in enumerate(names)})
    (results,) = read([folder])
    ranking = choose(rank(results.table, results.better), [*names, "sampler"])
    frame = ranked_frame(results.table, ranking)
    assert frame.columns.is_unique
    assert (frame["rank"].isna().all(), frame["repeats"][0], frame["repeats_ok"][0]) == (1, 1, 1)
    shown = ["rank__", "repeats_", "repeats_ok_", "part_", "rank_", "recall_stderr_", "recall"]
    assert frame[shown].loc[0].tolist() == [float(i) for i in range(len(names))]
    assert frame["recall_stderr"].isna().all()
    assert next(iter(stacked([("a", frame), ("b", frame)]))) == "part"
