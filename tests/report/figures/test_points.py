from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorebench.report.columns import Constant
from scorebench.report.figures.points import Points, ordered, points

Make = Callable[..., Points]


def test_a_row_for_every_configuration_best_first(points_of: Make) -> None:
    found = points_of(
        {"sampler": "b", "sampler.steps": 3, "fid": 2.0, "recall": 0.25, "nfe": 4, "seconds": 1},
        {"sampler": "b", "sampler.steps": 3, "repeat": 1, "fid": 4.0, "recall": 0.75, "nfe": 4},
        {"sampler": "a", "fid": 1.0, "recall": 0.1, "nfe": 8},
        {"sampler": "a", "repeat": 1, "status": "diverged", "error": "NaN"},
    )
    assert (found.parameters, found.metrics) == (["sampler"], ["fid", "recall"])
    assert Constant("sampler.steps", "3", ("b",)) in found.constants
    assert found.better == {"fid": "lower", "recall": "higher"}
    frame = found.frame
    assert frame[["id", "part", "label", "p0"]].values.tolist() == [
        [0, 0, "a", "a"],
        [1, 0, "b", "b"],
    ]
    assert frame[["m0", "m1", "nfe"]].values.tolist() == [[1.0, 0.1, 8.0], [3.0, 0.5, 4.0]]
    assert frame["seconds"].tolist() == [1.5, 1.25]
    assert math.isnan(frame["e0"][0])
    assert frame["e0"][1] == pytest.approx(1.0)
    assert frame[["ok", "all", "status"]].values.tolist() == [[1, 2, "diverged"], [2, 2, ""]]
    assert frame[["f0", "f1"]].values.tolist() == [[True, False], [True, True]]


def test_fields_are_found_by_name_and_are_short_whatever_the_name_is(points_of: Make) -> None:
    long = "<script>" + "x" * 300
    better = {"a.b[0]": "lower", "precision": "higher"}
    found = points_of(
        {"sampler": long, "sampler.x": 1, "a.b[0]": 1.0, "precision": 1.0},
        {"sampler": long, "sampler.x": 2, "a.b[0]": 2.0, "precision": 1.0},
        {"sampler": "b", "a.b[0]": 3.0, "precision": 1.0},
        better=better,
    )
    assert [found.parameter_field(n) for n in ("sampler", "sampler.x")] == ["p0", "p1"]
    assert [found.metric_field(n) for n in ("a.b[0]", "precision")] == ["m0", "m1"]
    assert found.frame["p1"].tolist() == ["1", "2", "–"]
    assert found.frame["label"][0] == f"{long} · sampler.x 1"


@pytest.mark.parametrize("name", ["sampler", "nfe", "seconds", "p0", "id", "label"])
def test_a_metric_may_be_called_like_anything_else(points_of: Make, name: str) -> None:
    found = points_of({"sampler": "a", "fid": 1.0}, {"sampler": "b", "fid": 2.0})
    renamed = replace(found, metrics=[name, "recall"], better={name: "lower"})
    assert renamed.metric_field(name) == "m0"
    assert renamed.parameter_field("sampler") == "p0"


def test_values_are_in_order_numbers_before_words(points_of: Make) -> None:
    sizes = [10, 9, 1e-5, 100000, 0, -2.5]
    found = points_of(
        *({"sampler.size": size, "fid": 1.0} for size in sizes),
        {"sampler.size": "auto", "fid": 1.0},
        {"sampler": "b", "sampler.order": True, "fid": 1.0},
        {"sampler": "b", "sampler.order": False, "fid": 1.0},
    )
    told = ["-2.5", "0", "1e-05", "9", "10", "100000", "auto", "–"]
    assert found.values("sampler.size") == told
    assert found.numbers("sampler.size") == sorted(sizes)
    assert found.numbers("sampler.order") == []
    assert found.numeric() == ["sampler.size"]


def test_names_are_no_numbers_however_they_read(points_of: Make) -> None:
    found = points_of({"sampler": "2024", "fid": 1.0}, {"sampler": "2025", "fid": 1.0})
    assert found.numeric() == []


@given(st.lists(st.text(max_size=4) | st.floats().map(str) | st.integers().map(str)))
def test_order_keeps_each_different_text_once(texts: list[str]) -> None:
    assert sorted(ordered(pd.Series(texts, dtype=object))) == sorted(set(texts))


def test_several_rankings_are_a_part_each(ranked: Callable[..., Any]) -> None:
    _, first = ranked({"sampler": "a", "fid": 2.0}, {"sampler": "b", "fid": 1.0})
    _, second = ranked(
        {"sampler": "a", "fid": 7.0, "kid": 1.0, "schedule.n": 5},
        better={"kid": "lower", "fid": "lower"},
    )
    found = points([first, second])
    assert found.metrics == ["fid", "recall", "kid"]
    assert found.parameters == ["sampler", "schedule.n"]
    assert found.frame["id"].tolist() == [0, 1, 2]
    assert found.frame["part"].tolist() == [0, 0, 1]
    assert found.frame["p0"].tolist() == ["b", "a", "a"]
    assert found.frame["p1"].tolist() == ["–", "–", "5"]
    kid = found.metric_field("kid")
    assert found.frame[kid].isna().tolist() == [True, True, False]
    assert found.frame[f"f{kid[1:]}"].tolist() == [False, False, True]


def test_the_front_of_one_part_is_not_that_of_another(ranked: Callable[..., Any]) -> None:
    good = ranked({"fid": 1.0})[1]
    assert points([good, ranked({"fid": 9.0})[1]]).frame["f0"].tolist() == [True, True]


def test_what_is_not_finite_is_missing(points_of: Make) -> None:
    found = points_of({"sampler": "a", "fid": math.inf}, {"sampler": "b", "fid": 1e300})
    assert found.frame["m0"].isna().tolist() == [False, True]
    assert found.frame["f0"].tolist() == [True, False]


def test_a_lone_configuration_has_its_sampler_for_a_parameter(points_of: Make) -> None:
    assert points_of({"sampler": "a", "sampler.n": 3, "fid": 1.0}).parameters == ["sampler"]


def test_of_no_rows_there_are_no_points(points_of: Make) -> None:
    assert len(points_of().frame) == 0
