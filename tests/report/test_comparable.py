from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from typer.testing import CliRunner

from scorebench.cli import app
from scorebench.report.comparable import differences, parts, together
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


def parts_of(folder: Path, text: str) -> list[tuple[str, list[float]]]:
    path = folder / "t.csv"
    path.write_text(text)
    (results,) = read([path])
    return [(part.told, part.results.table["fid"].tolist()) for part in parts(results)]


def test_without_digests_words_tell_rows_apart(tmp_path: Path) -> None:
    text = "sampler,features,fid\na,inception,3\nb,clip,0.1\nc,inception,2\n"
    assert parts_of(tmp_path, text) == [
        ("features inception", [3.0, 2.0]),
        ("features clip", [0.1]),
    ]
    text = "sampler,reference_digest,fid\na,x,1\nb,y,2\n"
    assert [told for told, _ in parts_of(tmp_path, text)] == [
        "reference_digest x",
        "reference_digest y",
    ]
    assert len(parts_of(tmp_path, "sampler,metric.fid.version,fid\na,1,1\nb,2,1\n")) == 2
    assert parts_of(tmp_path, "sampler,features,fid\na,x,1\nb,x,2\n") == [("", [1.0, 2.0])]


def test_rows_without_digests_are_told_apart_beside_those_with(tmp_path: Path) -> None:
    text = (
        "sampler,features,metric.fid.yardstick,fid\n"
        "a,inception,x,1\nb,other,x,2\nc,inception,,3\nd,clip,,4\n"
    )
    assert [fids for _, fids in parts_of(tmp_path, text)] == [[1.0, 2.0], [3.0], [4.0]]


def test_what_makes_two_rows_incomparable() -> None:
    def told(first: dict[str, str], other: dict[str, str]) -> list[tuple[str, str, str]]:
        return list(differences(first, other))

    yardstick = "metric.fid.yardstick"
    inception, clip = {"features": "inception"}, {"features": "clip"}
    assert told(inception, clip) == [("features", "inception", "clip")]
    assert told(inception, {}) == told(inception, inception) == []
    assert told({**inception, yardstick: "x"}, {**clip, yardstick: "x"}) == []
    assert told({**inception, yardstick: "–"}, {**clip, yardstick: "–"}) == [
        ("features", "inception", "clip")
    ]
    assert told({**inception, yardstick: "x"}, clip) == [("features", "inception", "clip")]
    assert told({**inception, yardstick: "x"}, {**clip, yardstick: "y"}) == [
        ("features", "inception", "clip")
    ]
    version = "metric.fid.version"
    assert told({**inception, version: "1"}, {**inception, version: "2"}) == [(version, "1", "2")]


def test_parts_do_not_say_again_which_rows_were_chosen(write_results: Write) -> None:
    (results,) = read([write_results({"samples": 1, "fid": 1.0}, {"samples": 2, "fid": 1.0})])
    assert [part.results.chosen for part in parts(replace(results, chosen="2 of 3"))] == ["", ""]
