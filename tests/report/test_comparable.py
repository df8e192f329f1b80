from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner

from scorebench.cli import app
from scorebench.report.comparable import parts, together
from scorebench.report.ranking import rank
from scorebench.report.results import read

Write = Callable[..., Path]


def test_a_table_without_yardsticks_is_one_part(write_results: Write) -> None:
    (results,) = read([write_results({"fid": 1.0}, {"fid": 2.0, "sampler": "euler"})])
    (part,) = parts(results)
    assert part.results is results
    assert part.told == ""


def test_rows_of_other_references_are_other_parts(write_results: Write) -> None:
    def row(model: str, sampler: str, fid: float) -> dict[str, object]:
        return {
            "model": model,
            "sampler": sampler,
            "fid": fid,
            "reference": "model",
            "reference_digest": f"{model}'s",
            "metric.fid.version": 1,
            "metric.fid.yardstick": f"fid of {model}'s",
        }

    rows = [row("a", "heun", 3.0), row("b", "heun", 1.0), row("a", "euler", 2.0)]
    folder = write_results(*rows)
    (results,) = read([folder])
    first, second = parts(results)
    assert first.told == "reference_digest a's"
    assert first.results.table["fid"].tolist() == [3.0, 2.0]
    assert second.results.table["fid"].tolist() == [1.0]

    told = CliRunner().invoke(app, ["report", str(folder)]).stdout
    assert "2 rankings, because metrics can't be compared between them" in told
    assert told.index("reference_digest a's") < told.index("euler") < told.index("heun")
    assert told.count("1 configuration ") == 1
    assert "partial results" not in told


def test_a_metric_without_reference_needs_no_parts(write_results: Write) -> None:
    rows = [{"fid": i, "reference_digest": f"{i}", "metric.fid.yardstick": "x"} for i in range(2)]
    (results,) = read([write_results(*rows)])
    assert len(parts(results)) == 1


def test_rows_of_other_numbers_of_samples_are_other_parts(write_results: Write) -> None:
    rows = [{"samples": n, "fid": 1.0, "repeat": r} for n in (1000, 50) for r in range(2)]
    (results,) = read([write_results(*rows)])
    told = [(part.told, part.results.table["samples"].tolist()) for part in parts(results)]
    assert told == [("samples 1,000", [1000, 1000]), ("samples 50", [50, 50])]


def test_several_tables_as_one_say_whose_a_row_is(write_results: Write) -> None:
    yardstick = "metric.fid.yardstick"
    one = write_results({"fid": 1.0, yardstick: "x"}, name="one")
    two = write_results({"fid": 2.0, yardstick: "x"}, {"fid": 3.0, yardstick: "y"}, name="two")
    whole = together(read([one, two]))
    assert whole.table["results"].tolist() == ["one", "two", "two"]
    assert [part.results.table["fid"].tolist() for part in parts(whole)] == [[1.0, 2.0], [3.0]]
    ranking = rank(parts(whole)[0].results.table, whole.better)
    assert ranking.configurations["results"].tolist() == ["one", "two"]
    assert "results" not in ranking.metrics
