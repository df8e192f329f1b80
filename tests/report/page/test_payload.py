from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from scorebench.report.comparable import parts, together
from scorebench.report.figures.points import points
from scorebench.report.page.payload import payload
from scorebench.report.ranking import rank
from scorebench.report.results import Results, read

Write = Callable[..., Path]


def payload_of(*folders: Path, by: str | None = None) -> dict[str, Any]:
    results = read(folders)
    whole: Results = results[0] if len(results) == 1 else together(results)
    rankings = [(part, rank(part.results.table, whole.better, by)) for part in parts(whole)]
    shown = points([ranking for _, ranking in rankings])
    return json.loads(json.dumps(payload(results, shown, rankings)))  # type: ignore[no-any-return]


def column(table: dict[str, Any], name: str) -> list[Any]:
    found = table["columns"][name]
    if "value" in found:
        return [found["value"]] * int(table["length"])
    return found.get("values") or [found["words"][code] for code in found["codes"]]


def test_rows_keep_their_order_and_know_their_point(write_results: Write) -> None:
    told = payload_of(
        write_results(
            {"sampler": "a", "fid": 2.0},
            {"sampler": "b", "fid": 1.0},
            {"sampler": "a", "repeat": 1, "fid": 4.0},
            {"sampler": "c", "status": "failed", "error": "no"},
        )
    )
    assert column(told["rows"], "sampler") == ["a", "b", "a", "c"]
    labels = column(told["points"], "label")
    assert [labels[i] for i in told["members"]] == ["a", "b", "a", "c"]
    assert column(told["points"], "id") == [0, 1, 2]
    assert labels == ["b", "a", "c"]


def test_parts_are_told_apart_and_rows_of_all_of_them_are_there(write_results: Write) -> None:
    told = payload_of(
        write_results(
            {"sampler": "a", "fid": 2.0, "samples": 100},
            {"sampler": "a", "fid": 1.0, "samples": 200},
            {"sampler": "b", "fid": 3.0, "samples": 100},
        )
    )
    assert told["parts"] == ["samples 100", "samples 200"]
    assert column(told["rows"], "samples") == [100, 200, 100]
    part = column(told["points"], "part")
    assert [part[i] for i in told["members"]] == [0, 1, 0]


def test_columns_may_be_called_like_what_the_page_needs(write_results: Write) -> None:
    told = payload_of(
        write_results(
            {"sampler": "a", "fid": 2.0, "point": 7, "members": 1},
            {"sampler": "b", "fid": 1.0, "point": 8, "members": 2},
        )
    )
    assert column(told["rows"], "point") == [7, 8]
    assert told["members"] == [1, 0]


def test_what_is_shown_at_first(write_results: Write) -> None:
    swept = [
        {"schedule.n": n, "sampler.steps": s, "fid": 1.0, "recall": 0.5}
        for n in (1, 2)
        for s in (1, 2)
    ]
    defaults = payload_of(write_results(*swept), by="recall")["defaults"]
    assert defaults == {
        "metric": "recall",
        "series": "schedule.n",
        "part": 0,
        "x": "schedule.n",
        "y": "sampler.steps",
        "fixed": {},
        "curve": "sampler.steps",
        "curveSeries": "schedule.n",
    }
    lone = payload_of(write_results({"fid": 1.0}), by="nfe")["defaults"]
    assert lone == {"metric": "fid", "series": "sampler", "part": 0}


def test_several_results_are_told_apart(write_results: Write) -> None:
    a, b = (write_results({"fid": 1.0}, name=name) for name in "ab")
    told = payload_of(a, b)
    assert column(told["rows"], "results") == ["a", "b"]
    assert set(told["commands"]) == {"a", "b"}
    assert told["parameters"] == ["results"]
    assert "results" not in payload_of(a)["rows"]["columns"]


def test_pictures_are_of_the_results_that_have_them(write_results: Write) -> None:
    a, b = (write_results({"fid": 1.0}, name=name) for name in "ab")
    (b / "images").mkdir()
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    (b / "images" / f"{0:032x}.png").write_bytes(buffer.getvalue())
    assert payload_of(a)["pictures"] == {}
    assert list(payload_of(b)["pictures"]) == [f"{0:032x}"]


def test_choices_are_kept_only_for_the_same_things(write_results: Write) -> None:
    keys = {
        payload_of(write_results(*rows, name="x"))["key"]
        for rows in (
            [{"fid": 1.0}],
            [{"fid": 1.0, "kid": 1.0}],
            [{"fid": 1.0, "sampler": "a"}, {"fid": 1.0, "sampler": "b", "schedule": "s"}],
        )
    }
    assert len(keys) == 3
