from __future__ import annotations

import pandas as pd
import pytest

from scorebench.errors import UserError
from scorebench.report.columns import measured, metrics, named, split

KNOWN = ["sampler", "sampler.step_size", "sampler.n", "schedule.n", "fid"]


def test_columns_by_name_and_parameters_without_their_role() -> None:
    words = ["step_size", "fid", "schedule.n", "sampler", "sampler.step_size"]
    assert named(words, KNOWN, "--x") == ["sampler.step_size", "fid", "schedule.n", "sampler"]


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("n", "^--x: 'n' could be sampler.n or schedule.n$"),
        ("stepsize", "^--x: no column 'stepsize'; did you mean sampler.step_size\\?$"),
        ("", "^--x: no column ''; known: fid, sampler, "),
        ("size", "^--x: no column 'size'"),
    ],
)
def test_names_that_are_no_column_s(word: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        named(["fid", word], KNOWN, "--x")


def test_metrics_are_numbers_and_no_spreads() -> None:
    table = pd.DataFrame(
        {
            "sampler": ["a", "b"],
            "fid": [1.0, 2.0],
            "fid_std": [1.0, 2.0],
            "fid_stderr": [1.0, 2.0],
            "remark": ["x", "y"],
            "mixed": ["1.5", "y"],
            "nothing": [float("nan")] * 2,
            "metric.fid.version": [1, 1],
        }
    )
    assert metrics(table, ["recall"]) == ["recall", "fid", "mixed", "nothing"]


def test_measured_are_metrics_costs_and_other_numbers() -> None:
    table = pd.DataFrame(
        {
            "sampler.eta": [1.0],
            "repeat": [0],
            "seed": [0],
            "samples": [100],
            "n_sigmas": [5],
            "fid": [1.0],
            "fid_std": [0.5],
            "reference_samples": [100],
            "peak_memory_mb": [3.5],
            "device": ["cpu"],
        }
    )
    others = ["n_sigmas", "fid_std", "peak_memory_mb"]
    assert measured(table, ["fid"]) == ["fid", "nfe", "seconds", *others]


def test_no_configurations_differ_in_nothing() -> None:
    assert split(pd.DataFrame({"model": [], "sampler": []}, dtype=str)) == (["sampler"], [])
