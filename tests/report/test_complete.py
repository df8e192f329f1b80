from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from scorebench.errors import UserError
from scorebench.report.complete import completed, renamed
from scorebench.report.ranking import rank


def test_columns_that_are_lacking_are_missing_values() -> None:
    table = completed(pd.DataFrame({"fid": [2.0, 1.0], "nfe": [3, 4]}), "mine")
    assert list(table)[:4] == ["suite", "model", "schedule", "sampler"]
    assert table["suite"].tolist() == ["mine", "mine"]
    assert table["status"].tolist() == ["ok", "ok"]
    assert table["nfe"].tolist() == [3, 4]
    assert table[["sampler", "samples", "seconds", "device", "error"]].isna().all(axis=None)
    assert rank(table, {"fid": "lower"}).means["fid"].tolist() == [1.5]


def test_a_table_that_lacks_nothing_stays_as_it_is() -> None:
    table = completed(pd.DataFrame({"fid": [1.0], "sampler": ["a"]}), "mine")
    pd.testing.assert_frame_equal(completed(table, "other"), table)


def test_names_are_those_of_a_report() -> None:
    table = pd.DataFrame([[1, 2, 3]], columns=["fid", "a\x1b", "results"])
    assert list(renamed(table, Path("t.csv"))) == ["fid", "a\\x1b", "results_"]


@pytest.mark.parametrize("names", [["a\n", "a\\n"], ["results", "results_"]])
def test_names_that_become_the_same_are_told(names: list[str]) -> None:
    with pytest.raises(UserError, match=r"^t\.csv: two columns are called (a\\n|results_)$"):
        renamed(pd.DataFrame([[1, 2]], columns=names), Path("t.csv"))
