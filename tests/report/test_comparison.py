from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from scorebench.errors import UserError
from scorebench.report.comparison import Comparison, compare
from scorebench.report.differences import comparison_report, difference_frame
from scorebench.report.matching import Aside
from scorebench.report.results import read
from scorebench.report.terminal import show

Write = Callable[..., Path]


def shown(comparison: Comparison, width: int | None = None, top: int = 0) -> str:
    file = io.StringIO()
    terminal = width is not None
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None)
    show(console, comparison_report(comparison, top))
    return file.getvalue()


def fids(sampler: str, values: list[float], first: Any = 0, **more: Any) -> list[dict[str, object]]:
    """Rows of one configuration, the repeats of which have these FIDs."""
    return [
        {"sampler": sampler, "repeat": first + i, "fid": fid, **more}
        for i, fid in enumerate(values)
    ]


def test_differences_are_paired_by_seed(write_results: Write) -> None:
    old, new = np.array([3.0, 5.0, 9.0]), np.array([2.0, 4.5, 9.5])
    comparison = compare(
        read(
            [
                write_results(*fids("heun", old.tolist()), name="old"),
                write_results(*reversed(fids("heun", new.tolist())), name="new"),
            ]
        )
    )
    assert comparison.means["old", "fid"].tolist() == pytest.approx([old.mean()])
    assert comparison.means["new", "fid"].tolist() == pytest.approx([new.mean()])
    assert comparison.differences["new", "fid"].tolist() == pytest.approx([(new - old).mean()])
    error = (new - old).std(ddof=1) / math.sqrt(3)
    assert comparison.errors["new", "fid"].tolist() == pytest.approx([error])
    assert comparison.pairs.tolist() == [3]
    assert comparison.asides == []


def test_only_seeds_in_common_count(write_results: Write) -> None:
    comparison = compare(
        read(
            [
                write_results(*fids("heun", [1.0, 2.0, 3.0]), name="old"),
                write_results(*fids("heun", [20.0, 30.0, 40.0], first=1), name="new"),
            ]
        )
    )
    assert comparison.pairs.tolist() == [2]
    assert comparison.means["old", "fid"].tolist() == [2.5]
    assert comparison.means["new", "fid"].tolist() == [25]
    assert comparison.differences["new", "fid"].tolist() == [22.5]


def test_one_pair_has_no_standard_error(write_results: Write) -> None:
    folders = [write_results(*fids("heun", [float(i)]), name=f"r{i}") for i in range(2)]
    comparison = compare(read(folders))
    assert math.isnan(comparison.errors["r1", "fid"].iloc[0])
    assert "1 configuration, 1 pair of equal seed each" in shown(comparison)


def test_configurations_are_sorted_by_the_first_results(write_results: Write) -> None:
    rows = [*fids("b", [2.0], recall=0.9), *fids("a", [1.0], recall=0.1), *fids("c", [math.nan])]
    results = read([write_results(*rows, name=name) for name in ("old", "new")])
    assert compare(results).configurations["sampler"].tolist() == ["a", "b", "c"]
    by_recall = compare(results, "recall")
    assert by_recall.configurations["sampler"].tolist() == ["b", "a", "c"]
    assert by_recall.metrics == ["recall", "fid"]
    with pytest.raises(UserError, match="did you mean recall"):
        compare(results, "recal")


def test_what_does_not_match_is_told(write_results: Write) -> None:
    old = write_results(
        *fids("heun", [1.0], **{"schedule.n": 10}),
        *fids("heun", [2.0], **{"schedule.n": 20}),
        *fids("euler", [3.0]),
        *fids("late", [4.0]),
        {"sampler": "broken", "status": "failed"},
        name="old",
    )
    new = write_results(
        *fids("heun", [1.0], **{"schedule.n": 10.0}),
        *fids("heun", [2.0], **{"schedule.n": 40}),
        {"sampler": "euler", "status": "diverged"},
        *fids("late", [4.0], first=7),
        {"sampler": "broken", "status": "failed"},
        name="new",
    )
    comparison = compare(read([old, new]))
    assert comparison.configurations["schedule.n"].tolist() == ["10"]
    assert comparison.asides == [
        Aside("not compared: no row ended ok in new", ["euler"]),
        Aside("not compared: no seed in common with new", ["late"]),
        Aside("not compared: no row ended ok in old and new", ["broken"]),
        Aside("only in new", ["heun · schedule.n 40"]),
        Aside("only in old", ["heun · schedule.n 20"]),
    ]
    text = shown(comparison)
    assert "1 configuration only in old\n  heun · schedule.n 20\n" in text


def test_other_numbers_of_samples_are_not_compared(write_results: Write) -> None:
    old = write_results(*fids("heun", [1.0], samples=1797), name="old")
    new = write_results(*fids("heun", [1.0], samples=1000), name="new")
    comparison = compare(read([old, new]))
    assert comparison.configurations.empty
    assert comparison.asides == [
        Aside("not compared: samples 1,797 in old, 1,000 in new", ["heun"])
    ]
    assert "new compared with old: nothing can be compared" in shown(comparison)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            {"features": "identity", "features_digest": "a"},
            {"features": "cnn", "features_digest": "b"},
            "not compared: features identity in old, cnn in new",
        ),
        (
            {"reference": "digits", "reference.split": "train", "reference_digest": "a"},
            {"reference": "digits", "reference.split": "test", "reference_digest": "b"},
            "not compared: reference.split train in old, test in new",
        ),
        (
            {"features_digest": "a"},
            {"features_digest": "b"},
            "not compared: features_digest a in old, b in new",
        ),
        (
            {"metric.fid.version": 1, "metric.kid.seed": 0},
            {"metric.fid.version": 2, "metric.kid.seed": 1},
            "not compared: metric.fid.version 1 in old, 2 in new",
        ),
    ],
)
def test_other_yardsticks_are_not_compared(
    write_results: Write, old: dict[str, Any], new: dict[str, Any], why: str
) -> None:
    folders = [
        write_results(*fids("heun", [1.0], **row, **{"metric.fid.yardstick": name}), name=name)
        for name, row in (("old", old), ("new", new))
    ]
    (aside,) = compare(read(folders)).asides
    assert aside.why == why


def test_metrics_that_only_one_side_has_are_no_obstacle(write_results: Write) -> None:
    row = {"metric.fid.yardstick": "a", "metric.kid.yardstick": "b", "features_digest": "c"}
    old = write_results(*fids("heun", [1.0], **row), name="old")
    del row["metric.kid.yardstick"]
    new = write_results(*fids("heun", [2.0], **row), name="new")
    assert compare(read([old, new])).asides == []


def test_metrics_that_only_one_has(write_results: Write) -> None:
    old = write_results(*fids("heun", [1.0], recall=0.5), name="old")
    new = write_results(
        *fids("heun", [1.0], kid=0.1), name="new", better={"kid": "lower", "fid": "lower"}
    )
    comparison = compare(read([old, new]))
    assert comparison.metrics == ["fid"]
    assert comparison.lone_metrics == {"old": ["recall"], "new": ["kid"]}
    assert "metrics of new that are not compared: kid" in shown(comparison)


def test_nfe_is_compared_where_it_differs(write_results: Write) -> None:
    old = write_results(*fids("heun", [1.0], nfe=19), name="old")
    new = write_results(*fids("heun", [1.0], nfe=10), name="new")
    comparison = compare(read([old, new]))
    assert comparison.metrics == ["fid", "recall", "nfe"]
    assert comparison.differences["new", "nfe"].tolist() == [-9]


def test_three_results(write_results: Write) -> None:
    one = write_results(*fids("heun", [1.0, 2.0]), *fids("euler", [5.0, 6.0]), name="one")
    two = write_results(*fids("heun", [2.0, 4.0]), *fids("ddim", [1.0]), name="two")
    three = write_results(
        *fids("heun", [0.0], first=1),
        *fids("euler", [5.0, 5.0]),
        *fids("ddim", [1.0]),
        name="three",
    )
    comparison = compare(read([one, two, three]))
    assert comparison.configurations["sampler"].tolist() == ["heun", "euler"]
    assert comparison.pairs.tolist() == [1, 2]
    assert comparison.differences["two", "fid"].iloc[0] == 2
    assert comparison.differences["three", "fid"].tolist() == [-2, -0.5]
    assert math.isnan(comparison.differences["two", "fid"].iloc[1])
    assert comparison.asides == [Aside("only in two, three", ["ddim"])]


def test_a_comparison_as_shown(write_results: Write) -> None:
    old = write_results(
        *fids("a", [3.0, 5.0]),
        *fids("b", [10.0, 11.0]),
        *fids("c", [1.0]),
        name="old",
        better={"fid": "lower"},
    )
    new = write_results(
        *fids("a", [2.8, 4.9]),
        *fids("b", [10.0, 11.0]),
        *fids("c", [1.5]),
        name="new",
        better={"fid": "lower"},
    )
    text = shown(compare(read([old, new])))
    assert "*" not in text
    assert [line.rstrip() for line in text.splitlines()] == [
        "new compared with old: 3 configurations, "
        "mean difference ± standard error over 1 to 2 pairs of equal seed",
        "new: fid 1 unchanged, 2 not enough repeats",
        "too few repeats to show any difference; 7 could",
        "[] 95% bootstrap interval, too short with fewer than 6 pairs",
        "model gaussian · schedule karras · samples 100 · features identity",
        "",
        "fid (lower is better)",
        "sampler    old    new       new - old          interval  verdict             pairs",
        "──────────────────────────────────────────────────────────────────────────────────",
        "c        1.000  1.500  +0.500                            not enough repeats      1",
        "a        4.000  3.850  -0.150 ± 0.050  [-0.200, -0.100]  not enough repeats      2",
        "b        10.50  10.50    0.00 ± 0                [0, 0]  unchanged               2",
    ]


@pytest.mark.parametrize("mixed", ["old", "new"])
def test_rows_of_one_table_with_other_yardsticks_are_never_mixed(
    write_results: Write, mixed: str
) -> None:
    rows = fids("heun", [1.0, 2.0], **{"reference.split": "test", "metric.fid.yardstick": "a"})
    other = fids("heun", [9.0], first=2, **{"reference.split": "train"})
    other[0]["metric.fid.yardstick"] = "b"
    euler = fids("euler", [1.0, 2.0], **{"reference.split": "test", "metric.fid.yardstick": "a"})
    results = [
        write_results(*euler, *rows, *(other if name == mixed else ()), name=name)
        for name in ("old", "new")
    ]
    comparison = compare(read(results))
    assert comparison.configurations["sampler"].tolist() == ["euler"]
    assert comparison.asides == [
        Aside(f"not compared: reference.split test and train within {mixed}", ["heun"])
    ]


def test_rows_that_did_not_end_ok_say_nothing_of_yardsticks(write_results: Write) -> None:
    row = {"metric.fid.yardstick": "a"}
    rows = fids("heun", [1.0, 2.0], **row)
    del rows[0]["metric.fid.yardstick"]
    rows[0]["status"] = "failed"
    old = write_results(*rows, name="old")
    new = write_results(*fids("heun", [1.0, 2.0], **row), name="new")
    comparison = compare(read([old, new]))
    assert comparison.asides == []
    assert comparison.tally("new", "fid") == {"repeats lost": 1}


@pytest.mark.parametrize("without", ["old", "new"])
def test_rows_without_seeds_are_never_paired(write_results: Write, without: str) -> None:
    paths = [write_results(*fids("heun", [1.0, 2.0]), name=name) for name in ("old", "new")]
    results = [
        replace(r, table=r.table.assign(seed=math.nan)) if r.name == without else r
        for r in read(paths)
    ]
    comparison = compare(results)
    assert comparison.configurations.empty
    assert comparison.asides == [Aside(f"not compared: no seeds to pair by in {without}", ["heun"])]


def test_seeds_are_told_apart_however_large(write_results: Write) -> None:
    large = 2**62
    rows = [
        [{"fid": float(v), "repeat": large + i} for i, v in enumerate(of)]
        for of in ([1, 5], [2, 8])
    ]
    old, new = read(
        [write_results(*own, name=name) for own, name in zip(rows, ("old", "new"), strict=True)]
    )
    (unseeded,) = read([write_results({"sampler": "euler", "fid": 1.0}, name="third")])
    unseeded = replace(unseeded, table=unseeded.table.assign(seed=math.nan))
    comparison = compare([old, new, unseeded])
    assert comparison.pairs.tolist() == [2]
    assert comparison.errors["new", "fid"].tolist() == [1.0]


def test_huge_values_give_no_warning(write_results: Write) -> None:
    values = [1e308, -1e308, 1.5e308, 1e308, 1.2e308, 1.7e308]
    old = write_results(*fids("heun", values), name="old")
    new = write_results(*fids("heun", [-v for v in values]), name="new")
    comparison = compare(read([old, new]))
    assert comparison.tally("new", "fid") == {"no difference shown": 1}
    assert "heun" in shown(comparison)
    assert len(difference_frame(comparison)) == 2


def test_no_common_metric_at_all(write_results: Write) -> None:
    old = write_results({"sampler": "heun", "fid": 1.0}, name="old", better={"fid": "lower"})
    new = write_results({"sampler": "heun", "kid": 1.0}, name="new", better={"kid": "lower"})
    comparison = compare(read([old, new]))
    assert comparison.metrics == ["nfe"]
    assert comparison.repeats_needed() is None
    assert "metrics of new that are not compared: kid" in shown(comparison)


@pytest.mark.parametrize("unfinished", ["old", "new", "both"])
def test_results_without_rows(write_results: Write, unfinished: str) -> None:
    (full,) = read([write_results(*fids("heun", [1.0]), name="full")])
    empty = replace(full, name="empty", table=full.table.head(0), planned=3)
    compared = {
        "old": [empty, full],
        "new": [full, empty],
        "both": [empty, replace(empty, name="b")],
    }
    text = shown(compare(compared[unfinished]))
    assert "nothing can be compared" in text
    assert "0 of 3 cells of empty finished" in text
    assert difference_frame(compare(compared[unfinished])).empty


def test_environments_that_differ_are_shown(write_results: Write) -> None:
    folders = []
    for name, version in (("old", "2.13.0"), ("new", "2.14.1")):
        folder = write_results(*fids("heun", [1.0], environment="abc"), name=name)
        (folder / "environments").mkdir()
        environment = {"python": "3.11.7", "packages": {"torch": version}}
        (folder / "environments" / "abc.json").write_text(json.dumps(environment))
        folders.append(folder)
    text = shown(compare(read(folders)))
    assert "computed with\n  packages.torch 2.13.0 in old, 2.14.1 in new\n" in text
    assert "python" not in text


def test_a_comparison_as_numbers(write_results: Write) -> None:
    n = {"schedule.n": 10, "samples": 1797}
    old = write_results(*fids("heun", [1.0, 3.0], **n), *fids("euler", [5.0]), name="old")
    new = write_results(*fids("heun", [2.0, 6.0], **n), *fids("euler", [5.0]), name="new")
    frame = difference_frame(compare(read([old, new])))
    assert frame["metric"].tolist() == ["fid", "fid", "recall", "recall"]
    heun, euler = frame.iloc[0], frame.iloc[1]
    assert (heun["results"], heun["first"], heun["sampler"]) == ("new", "old", "heun")
    assert (heun["mean"], heun["mean_first"], heun["difference"], heun["pairs"]) == (4, 2, 2, 2)
    assert (heun["difference_stderr"], heun["low"], heun["high"]) == (1, 1, 3)
    assert (heun["verdict"], euler["verdict"]) == ("not enough repeats", "unchanged")
    assert frame["samples"].tolist() == [1797, 100] * 2
    assert frame["schedule.n"].fillna(-1).tolist() == [10, -1] * 2
    assert frame["p_holm"].isna().all()
    assert frame["verdict"].iloc[2:].isna().all()


def test_settings_that_agree_are_in_the_caption(write_results: Write) -> None:
    results = read([write_results(*fids("heun", [1.0]), name=n) for n in ("old", "new")])
    assert "features identity" in shown(compare(results))


def test_names_of_results_are_told_apart(write_results: Write) -> None:
    folders = [write_results(*fids("heun", [1.0]), name=f"{n}/digits") for n in "ab"]
    assert [r.name for r in read(folders)] == [str(folder) for folder in folders]
    with pytest.raises(UserError, match="given twice"):
        read([folders[0], folders[0].parent / "digits"])


def test_partial_results_say_so(write_results: Write) -> None:
    old = write_results(*fids("heun", [1.0]), name="old")
    new = write_results(*fids("heun", [1.0]), name="new", unfinished=2)
    text = shown(compare(read([old, new])))
    assert text.count("partial results") == 1
    assert "1 of 3 cells of new finished" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_is_kept_to(write_results: Write, width: int) -> None:
    rows = [r for i in range(9) for r in fids("s" * 40, [1.0, 2.5], **{"sampler.step_size": i})]
    rows += fids("<script>[red]", [3.0, 4.0])
    alone = [r for i in range(9) for r in fids("alone", [1.0], **{"sampler.step_size": i})]
    old = write_results(*rows, name="a_rather_long_name_of_results")
    new = write_results(*rows, *alone, name="new")
    text = shown(compare(read([old, new])), width, top=4)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert "… 6 more; --top 0 shows all" in text
    assert "… 4 more; --top 0 shows all" in text
    assert "<script>[red]" in shown(compare(read([old, new])), width)
