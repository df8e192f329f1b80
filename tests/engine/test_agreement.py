"""When rows say the same, and what differs in what they were computed with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorebench.engine.agreement import CLOSE, Comparison, comparisons, differing

ROW = {"status": "ok", "error": None, "seed": 0, "nfe": 9.0, "fid": 2.0, "features": "identity"}


def verdicts(then: dict[str, Any], now: dict[str, Any]) -> dict[str, str]:
    return {c.name: c.verdict for c in comparisons(then, now)}


def test_equal_rows_are_identical_and_what_they_cost_does_not_count() -> None:
    costs = {"seconds": 3.0, "samples_per_second": 1.0, "peak_memory_mb": 7, "device": "x"}
    chance = {"fingerprint": "a", "finished": "b", "environment": "c", "coupled": True}
    assert comparisons(ROW, {**ROW, **costs, **chance}) == [
        Comparison("status", "ok", "ok", "identical"),
        Comparison("nfe", 9.0, 9.0, "identical"),
        Comparison("fid", 2.0, 2.0, "identical"),
    ]


@pytest.mark.parametrize(
    ("then", "now", "verdict"),
    [
        (2.0, 2.0000000000000004, "agree"),
        (2.0, 2 * (1 + 0.9 * CLOSE), "agree"),
        (2.0, 2 * (1 + 1.1 * CLOSE), "differ"),
        (2.0, -2.0, "differ"),
        (0.0, 1e-12, "differ"),
        (2, 2.0, "identical"),
        ("nan", float("nan"), "identical"),
        ("inf", float("inf"), "identical"),
        ("inf", "-inf", "differ"),
        ("nan", 2.0, "differ"),
    ],
)
def test_numbers_are_compared_by_their_size(then: object, now: object, verdict: str) -> None:
    assert verdicts({**ROW, "fid": then}, {**ROW, "fid": now})["fid"] == verdict


@given(st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_which_of_two_rows_came_first_makes_no_difference(a: float, b: float) -> None:
    there, back = {"status": "ok", "fid": a}, {"status": "ok", "fid": b}
    assert verdicts(there, back) == verdicts(back, there)
    assert verdicts(there, dict(there))["fid"] == "identical"


def test_a_column_of_only_one_row_differs() -> None:
    assert verdicts(ROW, {**ROW, "kid": 0.5})["kid"] == "differ"
    assert verdicts({**ROW, "kid": 0.5}, ROW)["kid"] == "differ"


def test_failures_are_the_same_where_their_status_is() -> None:
    failed = {"status": "failed", "error": "no"}
    assert verdicts(failed, failed) == {"status": "identical", "error": "identical"}
    assert verdicts(failed, {**failed, "error": "nay"}) == {"status": "identical", "error": "agree"}
    diverged = {"status": "diverged", "error": "no"}
    assert verdicts(failed, diverged)["status"] == "differ"
    found = verdicts(failed, ROW)
    assert (found["status"], found["error"]) == ("differ", "differ")


def test_what_differs_in_environments_is_told_by_its_name() -> None:
    then = {"python": "3.11", "packages": {"torch": "2.1", "numpy": "2"}, "git": None}
    now = {"python": "3.11", "packages": {"torch": "2.2", "numpy": "2"}, "git": {"dirty": True}}
    assert differing(then, then) == []
    assert differing(then, now) == [("packages.torch", "2.1", "2.2"), ("git.dirty", None, True)]
