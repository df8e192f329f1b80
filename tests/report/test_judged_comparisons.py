"""What repeats let a comparison say: verdicts, and when there is none."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from scorebench import stats
from scorebench.report.comparison import Comparison, compare
from scorebench.report.differences import comparison_report, difference_frame
from scorebench.report.results import Results, read
from scorebench.report.terminal import show

Write = Callable[..., Path]


def shown(comparison: Comparison) -> str:
    file = io.StringIO()
    show(Console(file=file, color_system=None), comparison_report(comparison, 0))
    return file.getvalue()


def fids(sampler: str, values: list[float], first: Any = 0, **more: Any) -> list[dict[str, object]]:
    """Rows of one configuration, the repeats of which have these FIDs."""
    return [
        {"sampler": sampler, "repeat": first + i, "fid": fid, **more}
        for i, fid in enumerate(values)
    ]


def shifted(write_results: Write, repeats: int, **shifts: float) -> list[Results]:
    """Two results, in the second of which samplers have FIDs shifted by so much and some noise."""
    folders = []
    for name, share in (("old", 0.0), ("new", 1.0)):
        rng = np.random.default_rng(0)
        rows = []
        for sampler, shift in shifts.items():
            base, noise = rng.normal(10, 1, repeats), rng.normal(0, 0.1, repeats)
            fid = base + share * (shift + noise * (shift != 0))
            rows += fids(sampler, fid.tolist(), recall=0.5, nfe=10 + share)
        folders.append(write_results(*rows, name=name))
    return read(folders)


def test_regressions_and_improvements_at_a_glance(write_results: Write) -> None:
    results = shifted(write_results, 8, better=-2, same=0, unclear=0.01, worse=2)
    comparison = compare(results)
    verdicts = dict(
        zip(comparison.configurations["sampler"], comparison.verdicts["new", "fid"], strict=True)
    )
    assert verdicts == {
        "better": "improved",
        "same": "unchanged",
        "unclear": "no difference shown",
        "worse": "regressed",
    }
    assert set(comparison.verdicts["new", "recall"]) == {"unchanged"}
    assert set(comparison.verdicts["new", "nfe"]) == set(comparison.verdicts["new", "seconds"])
    assert set(comparison.verdicts["new", "nfe"]) == {""}
    assert comparison.tally("new", "fid") == {
        "improved": 1,
        "regressed": 1,
        "no difference shown": 1,
        "unchanged": 1,
    }
    assert comparison.tally("new", "nfe") == {}
    assert comparison.repeats_needed() is None
    assert comparison.p.columns.equals(comparison.differences.columns)
    assert comparison.p.index.equals(comparison.differences.index)
    text = shown(comparison)
    assert "new: fid 1 improved, 1 regressed, 1 no difference shown, 1 unchanged\n" in text
    assert "new: recall 4 unchanged\n" in text
    assert "* family-wise error rate 5%" in text
    lines = {line.partition(" ")[0]: line for line in text.split("\n\n")[1].splitlines()}
    assert "▲ improved *" in lines["better"]
    assert "▼ regressed *" in lines["worse"]
    assert "*" not in lines["unclear"]
    assert "*" not in lines["same"]


def test_intervals_are_of_the_paired_differences(write_results: Write) -> None:
    old, new = np.array([3.0, 5, 9, 2, 7, 4]), np.array([2.0, 4.5, 9.5, 1, 6.5, 2])
    folders = [
        write_results(*fids("heun", values.tolist()), name=name)
        for name, values in (("old", old), ("new", new))
    ]
    comparison = compare(read(folders))
    found = stats.paired_differences([new - old])[0]
    assert comparison.low["new", "fid"].tolist() == [pytest.approx(found.low)]
    assert comparison.high["new", "fid"].tolist() == [pytest.approx(found.high)]
    assert comparison.p["new", "fid"].tolist() == [pytest.approx(found.p)]


@pytest.mark.parametrize("repeats", [2, 5])
def test_few_repeats_never_earn_a_star(write_results: Write, repeats: int) -> None:
    comparison = compare(shifted(write_results, repeats, better=-5, worse=5))
    assert comparison.tally("new", "fid") == {"not enough repeats": 2}
    assert comparison.low["new", "fid"].notna().all()
    assert comparison.p["new", "fid"].isna().all()
    assert comparison.repeats_needed() == stats.pairs_needed(2)
    text = shown(comparison)
    assert "*" not in text
    assert "not enough repeats" in text
    assert "too few repeats to show any difference; 7 could" in text


def test_a_family_too_large_for_its_repeats_says_so(write_results: Write) -> None:
    shifts = {f"sampler_{i}": -5.0 for i in range(20)}
    comparison = compare(shifted(write_results, 6, **shifts))
    assert comparison.tally("new", "fid") == {"no difference shown": 20}
    assert comparison.repeats_needed() == stats.pairs_needed(20) == 10
    enough = compare(shifted(write_results, 10, **shifts))
    assert enough.repeats_needed() is None
    assert enough.tally("new", "fid") == {"improved": 20}


def test_a_missing_value_is_a_repeat_lost(write_results: Write) -> None:
    values = [3.0, 5.0, 9.0, 2.0, 7.0, 4.0]
    old = write_results(*fids("heun", values), name="old")
    new = write_results(*fids("heun", [math.nan, *values[1:]]), name="new")
    comparison = compare(read([old, new]))
    assert comparison.tally("new", "fid") == {"repeats lost": 1}
    assert math.isnan(comparison.differences["new", "fid"].iloc[0])
    assert math.isnan(comparison.low["new", "fid"].iloc[0])
    assert "–" in shown(comparison)
    assert "new: fid 1 repeats lost\n" in shown(comparison)


@pytest.mark.parametrize("broken", ["old", "new"])
def test_what_survived_is_not_judged(write_results: Write, broken: str) -> None:
    """What diverges on the hard seeds looks better on the others."""
    values = np.random.default_rng(0).normal(10, 1, 10)
    made = {
        "old": fids("heun", values.tolist(), nfe=10),
        "new": fids("heun", (values - 3 + 0.1 * values[::-1]).tolist(), nfe=12),
    }
    whole = [write_results(*rows, name=f"{name}/whole") for name, rows in made.items()]
    assert set(compare(read(whole)).verdicts.iloc[0]) == {"improved", ""}
    for row in made[broken][:3]:
        row |= {"status": "diverged", "fid": None}
    comparison = compare(read([write_results(*rows, name=name) for name, rows in made.items()]))
    assert comparison.tally("new", "fid") == {"repeats lost": 1}
    assert comparison.pairs.tolist() == [7]
    assert comparison.differences["new", "fid"].iloc[0] < -1
    assert comparison.low["new", "fid"].notna().all()
    assert comparison.p["new", "fid"].isna().all()
    assert comparison.repeats_needed() is None
    assert difference_frame(comparison)["verdict"].iloc[0] == "repeats lost"
    text = shown(comparison)
    assert "*" not in text
    assert f"\n3 of 10 cells of {broken} did not end ok\n" in text
    assert text.count("did not end ok") == 2, "the other is what the verdict means"
    assert "repeats lost: some did not end ok" in text


def test_seeds_that_a_third_lost_are_no_choice_for_two(write_results: Write) -> None:
    values = np.random.default_rng(0).normal(10, 1, 10)
    one = write_results(*fids("heun", values.tolist()), name="one")
    two = write_results(*fids("heun", (values - 5).tolist()), name="two")
    rows = fids("heun", values.tolist())
    rows[0] |= {"status": "timeout", "fid": None}
    three = write_results(*rows, name="three")
    comparison = compare(read([one, two, three]))
    assert comparison.tally("two", "fid") == comparison.tally("three", "fid") == {"repeats lost": 1}


def test_repeats_all_equal_are_not_judged(write_results: Write) -> None:
    old = write_results(*fids("heun", [1.0] * 8), name="old")
    new = write_results(*fids("heun", [0.5] * 8), name="new")
    comparison = compare(read([old, new]))
    assert comparison.tally("new", "fid") == {"repeats all equal": 1}
    text = shown(comparison)
    assert "*" not in text
    assert "repeats all equal: copies of one another" in text


def test_all_others_are_one_family(write_results: Write) -> None:
    base = np.random.default_rng(0).normal(10, 1, 8)
    shifted = 1 + 0.1 * base[::-1]
    paths = [write_results(*fids("heun", base.tolist()), name="first")]
    paths += [
        write_results(*fids("heun", (base - k * shifted).tolist()), name=f"r{k}")
        for k in range(1, 8)
    ]
    two = compare(read(paths[:2]))
    assert two.p["r1", "fid"].tolist() == [2 / 2**8]
    assert two.tally("r1", "fid") == {"improved": 1}
    many = compare(read(paths))
    assert many.p["r1", "fid"].tolist() == [7 * 2 / 2**8]
    assert many.tally("r1", "fid") == {"no difference shown": 1}
    assert many.repeats_needed() == stats.pairs_needed(7) == 9
    assert shown(many).count("too few repeats to show any difference; 9 could\n") == 1
