from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scorebench.report.comparable import Part
from scorebench.report.page import provenance
from scorebench.report.page.content import Again
from scorebench.report.ranking import Failure, rank
from scorebench.report.results import Results, read

Write = Callable[..., Path]


def results_of(folder: Path) -> Results:
    (results,) = read([folder])
    return results


def failures_of(results: Results) -> list[Failure]:
    return rank(results.table, results.better).failures


def failed(error: str, **more: Any) -> dict[str, Any]:
    return {"status": "failed", "error": error, "fid": None, **more}


def test_failures_are_told_the_most_frequent_first_with_a_traceback(write_results: Write) -> None:
    results = results_of(
        write_results(
            failed("rare", traceback="Traceback:\n\tboom\x1b[31m"),
            *(failed("often", repeat=i, sampler="b") for i in range(1200)),
        )
    )
    often, rare = provenance.troubles([results], failures_of(results))
    assert (often.head, often.error, often.traceback) == ("1,200 × failed", "often", "")
    assert (rare.head, rare.example) == ("1 × failed", "heun")
    assert rare.traceback == "Traceback:\n    boom\\x1b[31m"


@pytest.mark.parametrize("content", [b"", b"[1]", b"{}", b'{"traceback": 3}', b"[" * 10**5])
def test_a_damaged_cell_has_no_traceback(write_results: Write, content: bytes) -> None:
    folder = write_results(failed("no", traceback="told"))
    results = results_of(folder)
    (folder / "cells" / f"{0:032x}.json").write_bytes(content)
    (trouble,) = provenance.troubles([results], failures_of(results))
    assert trouble.traceback == ""
    (folder / "cells" / f"{0:032x}.json").unlink()
    (trouble,) = provenance.troubles([results], failures_of(results))
    assert trouble.traceback == ""


def test_a_fingerprint_never_leads_out_of_the_directory(
    write_results: Write, tmp_path: Path
) -> None:
    results = results_of(write_results(failed("no")))
    (tmp_path / "secret.json").write_text(json.dumps({"traceback": "secret"}))
    (failure,) = failures_of(results)
    hostile = replace(failure, fingerprint="../../secret")
    assert provenance.troubles([results], [hostile])[0].traceback == ""


def test_how_many_ended_ok_is_said() -> None:
    def kinds(number: int) -> list[Failure]:
        return [Failure("failed", f"error {i}", 2, "heun", "") for i in range(number)]

    assert provenance.ended(0, []) == "No cell has finished yet."
    assert provenance.ended(1, []) == "All ended ok: 1 finished cell."
    assert provenance.ended(1234, kinds(2)) == "4 of 1,234 finished cells did not end ok."
    most = provenance.MOST
    assert "1 rarer kind of failure can" in provenance.ended(99, kinds(most + 1))
    assert "rarer" not in provenance.ended(99, kinds(most))


def write_environment(folder: Path, digest: str, content: Any) -> None:
    path = folder / "environments" / f"{digest}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def cells(grid: Any) -> dict[str, list[str]]:
    return {column.name: list(column.cells) for column in grid.columns}


def test_environments_are_columns(write_results: Write) -> None:
    folder = write_results({"environment": "aa"}, {"sampler": "b", "environment": "bb"})
    write_environment(folder, "aa", {"python": "3.11", "packages": {"torch": "2.5"}})
    write_environment(folder, "bb", {"python": "3.12\x1b"})
    (table,) = provenance.surroundings([results_of(folder)])
    assert cells(table.grid) == {
        "": ["python", "packages.torch"],
        "environment 1": ["3.11", "2.5"],
        "environment 2": ["3.12\\x1b", "–"],
    }
    other = write_results({"environment": "cc"}, name="other")
    write_environment(other, "cc", {"python": "3.13"})
    (table,) = provenance.surroundings(read([folder, other]))
    assert [c.name for c in table.grid.columns] == ["", "results", "results", "other"]


@pytest.mark.parametrize("content", ["", "[", "3", "{}", "[" * 10**5])
def test_damaged_environments_are_left_out(write_results: Write, content: str) -> None:
    folder = write_results({"environment": "aa"})
    write_environment(folder, "aa", content)
    assert provenance.surroundings([results_of(folder)]) == []
    assert provenance.surroundings([results_of(write_results({"environment": "../x"}))]) == []


def test_suites_are_shown_as_run(write_results: Write) -> None:
    results = results_of(write_results({"fid": 1.0}, suite="name: x\n\tvalue: \x1b\n"))
    assert provenance.suites([results]) == {"results": "name: x\n    value: \\x1b"}
    assert provenance.suites([replace(results, folder=None)]) == {}
    assert results.folder is not None
    (results.folder / "suite.yaml").write_bytes(b"name: \xff\xfe\r\n")
    assert provenance.suites([results]) == {"results": "name: ��"}
    (results.folder / "suite.yaml").write_text("x: 1\n" * 100_000)
    assert len(provenance.suites([results])["results"]) <= provenance.LONGEST + 2
    (results.folder / "suite.yaml").rename(results.folder.parent / "elsewhere")
    assert provenance.suites([results]) == {}
    (results.folder / "suite.yaml").symlink_to(results.folder.parent / "elsewhere")
    assert provenance.suites([results]) == {}


def again_of(folder: Path) -> Again | None:
    results = results_of(folder)
    return provenance.again(results, [(Part(results, ""), rank(results.table, results.better))])


def test_the_first_row_of_the_best_is_run_again_where_it_was(write_results: Write) -> None:
    folder = write_results(
        {"sampler": "a", "fid": 2.0},
        {"sampler": "b", "fid": 1.0},
        {"sampler": "b", "repeat": 1, "fid": 1.0},
        plan={"arguments": ["suites/x.yaml"], "started_in": "../.."},
    )
    assert again_of(folder) == Again(
        row="b",
        command=(
            "scorebench run suites/x.yaml --only 000000000000 "
            "--results results/results-000000000000"
        ),
        folder="../..",
    )


def test_where_it_was_may_be_unknown_or_odd(write_results: Write) -> None:
    found = again_of(write_results({"fid": 1.0}, plan={"arguments": ["x.yaml"]}))
    assert found is not None
    assert found.folder == ""
    found = again_of(write_results({"fid": 1.0}, plan={"started_in": "a\n\x1bb"}))
    assert found is not None
    assert found.folder == "a\\n\\x1bb"


def test_without_rows_or_sound_fingerprint_nothing_is_run_again(write_results: Write) -> None:
    assert again_of(write_results(unfinished=2)) is None
    results = results_of(write_results({"fid": 1.0}))
    results.table["fingerprint"] = "../x; rm -r y"
    ranking = rank(results.table, results.better)
    assert provenance.again(results, [(Part(results, ""), ranking)]) is None
