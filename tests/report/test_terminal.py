from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.cells import cell_len
from rich.console import Console

from scorebench.report.layout import Column, Grid, Paragraph
from scorebench.report.ranking import best_per, choose, rank
from scorebench.report.results import Results, read
from scorebench.report.terminal import ranking_report, show
from scorebench.store import assemble

Write = Callable[..., Path]


def shown(folder: Path, width: int | None = None, *, by: str | None = None, top: int = 0) -> str:
    """A report as a terminal of some width shows it, or as a pipe gets it."""
    (results,) = read([folder])
    report = ranking_report(results, rank(results.table, results.better, by), top)
    return printed(lambda console: show(console, report), width)


def printed(do: Callable[[Console], None], width: int | None = None) -> str:
    file = io.StringIO()
    terminal = width is not None
    do(Console(file=file, width=width, force_terminal=terminal, color_system=None))
    return file.getvalue()


def sweep() -> Iterator[dict[str, Any]]:
    """24 configurations, two repeats each."""
    for repeat in range(2):
        measured = {"repeat": repeat, "inception_score": 8.96 + 0.011 * repeat}
        for n in (5, 20, 80):
            common = {**measured, "schedule.n": n, "schedule.sigma_max": 20.0}
            for sampler in ("euler", "heun"):
                yield {**common, "sampler": sampler, "fid": 99.5 / n + repeat, "recall": 0.5}
            for size in (1e-6, 6.2e-6, 2e-5):
                for steps in (1, 5):
                    yield {
                        **common,
                        "sampler": "annealed_langevin",
                        "sampler.step_size": size,
                        "sampler.steps_per_level": steps,
                        "fid": 123.456 / n / steps + 0.0123 * repeat,
                        "recall": 0.79547 + 0.00086 * repeat,
                    }


def test_a_ranked_table(write_results: Write) -> None:
    folder = write_results(
        {"sampler": "b", "sampler.eta": 1.0, "repeat": 0, "fid": 12.0, "recall": 0.25},
        {"sampler": "b", "sampler.eta": 1.0, "repeat": 1, "fid": 13.0, "recall": 0.75},
        {"sampler": "a", "sampler.eta": 0.5, "repeat": 0, "fid": 3.0, "recall": 0.5},
        {"sampler": "a", "sampler.eta": 0.5, "repeat": 1, "fid": 3.01, "recall": 0.5},
        {"sampler": "c", "repeat": 0, "status": "diverged", "error": "not finite"},
        {"sampler": "c", "repeat": 1, "status": "diverged", "error": "not finite"},
    )
    assert [line.rstrip() for line in shown(folder).splitlines()] == [
        "results: 3 configurations ranked by fid (lower is better), "
        "mean ± standard error of 2 repeats",
        "suite made_up · model gaussian · schedule karras · samples 100 · features identity"
        " · device cpu",
        "",
        "            sampler.",
        "#  sampler       eta            fid ↓       recall ↑  nfe  repeats  seconds",
        "───────────────────────────────────────────────────────────────────────────",
        "1  a             0.5  3.0050 ± 0.0050  0.5000 ± 0      10        2     1.50",
        "2  b               1   12.50 ± 0.50      0.50 ± 0.25   10        2     1.50",
        "   c               –         diverged       –           –      0/2        –",
        "",
        "2 of 6 finished cells did not end ok",
        "  2 × diverged: not finite",
        f"      e.g. c · cells/{4:032x}.json",
    ]


def test_piped_output_is_whole_and_has_no_colours(write_results: Write) -> None:
    text = shown(write_results(*sweep()))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) > 120
    assert "left out" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 140])
def test_a_terminal_is_kept_to(write_results: Write, width: int) -> None:
    text = shown(write_results(*sweep()), width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert text.count("annealed_langevin") >= 18 or width == 40


def test_what_a_narrow_terminal_leaves_out_is_said(write_results: Write) -> None:
    folder = write_results(*sweep())
    wide, narrow = shown(folder, 160), shown(folder, 80)
    assert "left out" not in wide
    assert "steps_" in wide
    assert "0.79590 ± 0.00043" in wide
    told = narrow.split("left out for want of width:")[1]
    assert "seconds" in told
    assert "± of recall" in told
    assert "fid" not in told
    assert "nfe" not in told


def test_all_metrics_fit_into_100_columns(write_results: Write) -> None:
    text = shown(write_results(*sweep()), 100)
    header = text.split("─")[0]
    assert all(word in header for word in ("fid ↓", "inception_", "recall ↑", "nfe"))


def test_the_metric_ranked_by_comes_first_and_stays(write_results: Write) -> None:
    text = shown(write_results(*sweep()), 60, by="recall")
    assert "ranked by recall (higher is better)" in " ".join(text.split())
    assert "recall ↑" in text.split("─")[0]


@pytest.mark.parametrize("by", ["nfe", "seconds"])
def test_a_cost_ranked_by_stays(write_results: Write, by: str) -> None:
    assert by in shown(write_results(*sweep()), 60, by=by).split("─")[0]


def test_only_the_best(write_results: Write) -> None:
    text = shown(write_results(*sweep()), top=3)
    assert "… 21 more; --top 0 shows all" in text
    assert sum(line.startswith(("1 ", "2 ", "3 ", "4 ")) for line in text.splitlines()) == 3
    assert "more" not in shown(write_results(*sweep()), top=24)


def test_partial_results_say_so(write_results: Write) -> None:
    text = shown(write_results({"fid": 1.0}, unfinished=51))
    assert "partial results: 1 of 52 cells of results finished" in text
    assert "partial" not in shown(write_results({"fid": 1.0}))


def test_failures_are_listed_with_their_error(write_results: Write) -> None:
    folder = write_results(
        {"sampler": "a", "repeat": 0, "status": "diverged", "error": "not finite"},
        {"sampler": "a", "repeat": 1, "status": "diverged", "error": "not finite"},
        {"sampler": "b", "schedule.n": 10, "repeat": 0, "status": "crashed"},
        {"sampler": "b", "schedule.n": 10, "repeat": 1, "fid": 1.0},
    )
    text = shown(folder)
    assert "3 of 4 finished cells did not end ok" in text
    assert "  2 × diverged: not finite\n" in text
    assert "  1 × crashed\n" in text
    assert f"e.g. b · schedule.n 10 · cells/{2:032x}.json" in text
    assert "1/2" in text
    assert "0/2" in text
    assert "1 more" in shown(folder, top=1).split("did not end ok")[1]


def test_only_failures(write_results: Write) -> None:
    text = shown(write_results({"status": "timeout", "error": "2 s are over"}), 80)
    assert "1 configuration, none with a value of fid" in text
    assert "timeout" in text.split("─")[-1]
    assert "1 of 1 finished cell did not end ok" in text


def test_one_row(write_results: Write) -> None:
    lines = shown(write_results({"fid": 12.3456, "recall": 0.5}), 80).splitlines()
    assert lines[0] == "results: 1 configuration ranked by fid (lower is better)"
    assert lines[-1].split() == ["1", "heun", "12.35", "0.5000", "10", "1.50"]


def test_nan(write_results: Write) -> None:
    folder = write_results({"sampler": "a", "fid": 1.0}, {"sampler": "b", "fid": math.nan})
    last = shown(folder).splitlines()[-1]
    assert last.split()[:2] == ["b", "–"]


@pytest.mark.parametrize("name", ["[red]x", "[/]", "<script>", ":smile:", "采样器 🙂", r"\[bold]"])
@pytest.mark.parametrize("width", [None, 80])
def test_names_and_errors_are_shown_as_they_are(
    write_results: Write, name: str, width: int | None
) -> None:
    folder = write_results(
        {"sampler": name, "fid": 1.0},
        {"sampler": "b", "sampler.x": name, "device": name, "status": "failed", "error": name},
    )
    text = shown(folder, width)
    assert text.count(name) >= 4
    assert f"failed: {name}\n" in text


def test_control_characters_are_made_visible(write_results: Write) -> None:
    row = {"sampler": "a\x1b[31m\nb", "sampler.\x1bx": 1, "status": "failed", "error": "\x07"}
    text = shown(write_results(row))
    assert r"a\x1b[31m\nb" in text
    assert r"sampler.\x1bx 1" in text
    assert r"failed: \x07" in text


@pytest.mark.parametrize("width", [None, 80])
def test_long_names_are_folded_or_whole(write_results: Write, width: int | None) -> None:
    name = "".join(chr(ord("a") + i % 26) for i in range(300))
    folder = write_results(
        {"sampler": name, "fid": 1.0}, {"sampler": "b", "error": name, "status": "failed"}
    )
    text = shown(folder, width)
    if width is None:
        assert text.count(name) == 2
    else:
        assert all(cell_len(line) <= width for line in text.splitlines())
        column = [line[3:31].strip() for line in text.splitlines()]
        assert name in "".join(column)


def test_what_the_caption_says_of_the_suite(write_results: Write) -> None:
    suite = """
        dataset: {name: digits, split: train}
        reference: model
        features: {name: digits_cnn}
        metrics: [fid, {name: precision_recall, k: 5}]
    """
    told = shown(write_results({"fid": 1.0}, suite=suite))
    assert (
        "dataset digits (split train) · reference model · features digits_cnn"
        " · metric precision_recall k 5 · device cpu" in told
    )
    assert "features" not in shown(write_results({"fid": 1.0}, suite=": not yaml"))


def test_many_parameters_stay_readable_in_a_narrow_terminal() -> None:
    columns = [Column(f"parameter_{i}", ["0.125", "[1, 2, 3, 4, 5, 6]"]) for i in range(7)]
    text = printed(lambda console: console.print(Grid(columns, 2)), 70)
    assert all(cell_len(line) <= 70 for line in text.splitlines())
    assert text.count("0.125") == 7


def test_paragraphs_break_at_their_glue() -> None:
    text = printed(lambda c: c.print(Paragraph("a 1 · b 2 · c 3", indent=2, glue=" · ")), 12)
    assert text == "  a 1 · b 2\n  c 3\n"


def told(results: Results, width: int | None = None) -> str:
    report = ranking_report(results, rank(results.table, results.better), 0)
    return printed(lambda console: show(console, report), width)


def made_elsewhere(**columns: Any) -> Results:
    given = {"status": "ok", "error": None, "device": None, "fingerprint": None, **columns}
    table = pd.DataFrame(given)
    return Results("a.csv", None, table, {"fid": "lower"}, len(table), {})


@pytest.mark.parametrize(
    ("planned", "why"), [(7, "none of its 7 cells has"), (1, "its 1 cell has")]
)
def test_no_cell_has_finished(planned: int, why: str) -> None:
    empty = assemble({"suite": "s", "cells": []}, {})
    text = told(Results("a", None, empty, {"fid": "lower"}, planned, {}))
    assert text.startswith("a: none of its ")
    assert f"{why} finished yet\n" in text
    assert text.count("\n") == 1


def test_a_table_without_rows() -> None:
    assert told(made_elsewhere(sampler=[], fid=[])) == "a.csv: no rows\n"


def test_a_table_made_elsewhere() -> None:
    results = made_elsewhere(sampler=["a", "b"], fid=[2.0, 1.0], status=["ok", "failed"])
    assert [line.rstrip() for line in told(results).splitlines()] == [
        "a.csv: 2 configurations ranked by fid (lower is better)",
        "",
        "",
        "#  sampler   fid ↓  repeats",
        "───────────────────────────",
        "1  a         2.000        1",
        "   b        failed      0/1",
        "",
        "1 of 2 finished cells did not end ok",
        "  1 × failed",
        "      e.g. b",
    ]


def test_the_best_per_sampler(write_results: Write) -> None:
    (results,) = read([write_results(*sweep(), {"sampler": "heun", "status": "failed"})])
    best = best_per(rank(results.table, results.better), ["sampler"])
    text = printed(lambda console: show(console, ranking_report(results, best, 0)))
    assert text.startswith(
        "results: best configuration per sampler of 25 configurations ranked by fid (lower is "
        "better), mean ± standard error of 2 repeats\n"
    )
    assert [line[0] for line in text.splitlines() if line[:1].isdigit()] == ["1", "2", "3", "1"]
    assert "1 of 49 finished cells did not end ok" in text
    assert "more" not in text


@pytest.mark.parametrize("width", [None, 60])
def test_nothing_chosen_is_left_out(write_results: Write, width: int | None) -> None:
    (results,) = read([write_results(*sweep())])
    words = ["recall", "sampler", "step_size", "sigma_max", "seconds", "nfe"]
    chosen = choose(rank(results.table, results.better), words)
    text = printed(lambda console: show(console, ranking_report(results, chosen, 0)), width)
    assert "left out" not in text
    header = "".join(text.split("─")[0].split())
    assert all(name in header for name in ("recall", "sampler", "sigma_", "seconds", "nfe"))
    assert width is None or all(cell_len(line) <= width for line in text.splitlines())


@pytest.mark.parametrize("width", [None, 120])
@pytest.mark.parametrize("repeats", [1, 5])
def test_ten_thousand_rows_are_all_told(repeats: int, width: int | None) -> None:
    number = 10_000
    configuration = [i // repeats for i in range(number)]
    results = made_elsewhere(
        sampler=[f"sampler_{i % 3}" for i in configuration],
        **{"schedule.n": configuration},
        nfe=configuration,
        seconds=[0.1 * i for i in range(number)],
        fid=[(7919 * i) % 9973 + i / 7 for i in range(number)],
        recall=[(104729 * i) % 9967 / 9967 for i in range(number)],
        status=["failed" if i % 97 == 0 else "ok" for i in range(number)],
        error=[f"ValueError: {i}" if i % 97 == 0 else None for i in range(number)],
    )
    text = told(results, width)
    assert text.count("sampler_") >= number / repeats


@pytest.mark.parametrize("terminal", [True, False])
def test_a_width_of_nothing_is_not_taken_at_its_word(
    write_results: Write, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    (results,) = read([write_results({"fid": 1.0})])
    console = Console(file=io.StringIO(), force_terminal=terminal, color_system=None)
    show(console, ranking_report(results, rank(results.table, results.better), 0))
    assert "1.000" in console.file.getvalue()  # type: ignore[attr-defined]
