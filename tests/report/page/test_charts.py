from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import vl_convert

from scorebench.report.figures import axes
from scorebench.report.figures.points import Points, points
from scorebench.report.page.charts import charts
from scorebench.report.ranking import rank
from scorebench.report.results import read

Write = Callable[..., Path]


def points_of(folder: Path) -> Points:
    (results,) = read([folder])
    return points([rank(results.table, results.better)])


def swept(**more: Any) -> list[dict[str, Any]]:
    return [
        {"sampler.steps": steps, "schedule.n": n, "fid": 1.0 + steps * n, "recall": 0.5, **more}
        for steps in (1, 2)
        for n in (5, 10)
    ]


def names(folder: Path) -> list[str]:
    return [chart.name for chart in charts(points_of(folder))]


def test_a_chart_for_everything_there_is_to_show(write_results: Write) -> None:
    assert names(write_results(*swept(precision=0.5))) == [
        "pareto",
        "time",
        "precision_recall",
        "heatmap",
        "iterations",
    ]


def test_none_where_there_is_nothing_to_show(write_results: Write) -> None:
    assert names(write_results({"fid": 1.0})) == ["pareto", "time"]
    assert names(write_results({"fid": 1.0, "nfe": 0, "seconds": 0})) == []
    assert names(write_results({"nfe": 1, "seconds": 1}, better={})) == []


def test_each_metric_has_a_specification(write_results: Write) -> None:
    found = {c.name: c for c in charts(points_of(write_results(*swept(precision=0.5))))}
    assert list(found["pareto"].specs) == ["fid", "recall", "precision"]
    assert list(found["precision_recall"].specs) == [""]
    assert "'fid ↓'" in str(found["heatmap"].specs["fid"])


def test_specifications_have_no_data_and_ask_for_none(write_results: Write) -> None:
    for chart in charts(points_of(write_results(*swept(precision=0.5)))):
        for spec in chart.specs.values():
            text = json.dumps(spec, allow_nan=False)
            assert not {"datasets", "$schema", "config"} & set(spec)
            assert "http" not in text
            assert '"url"' not in text
            assert spec["data"] == {"name": "points"} or '"name": "points"' in text


def test_no_name_is_taken_for_a_place(write_results: Write) -> None:
    name = "\ue000series\ue001"
    rows = [{**row, name: 1.0, "sampler": name} for row in swept()]
    made = points_of(write_results(*rows, better={"fid": "lower", name: "lower"}))
    assert "\ue000" not in json.dumps([made.metrics, made.frame.to_dict()], ensure_ascii=False)


def replaced(text: str, role: str, axis: axes.Axis) -> str:
    """What ``places`` in ``charts.js`` does."""
    order, numbers = (json.dumps(list(v), ensure_ascii=False) for v in (axis.order, axis.numbers))
    text = text.replace(f'["\ue000{role} order\ue001"]', order)
    text = text.replace(f'["\ue000{role} numbers\ue001"]', numbers)
    text = text.replace(f'"\ue000{role} title\ue001"', json.dumps(axis.title))
    return text.replace(f"\ue000{role}\ue001", axis.field)


def leave_out(part: Any, name: str) -> None:
    """Take the parameter that curves run over out of their groups, as ``charts.js`` does."""
    if isinstance(part, dict):
        if "groupby" in part:
            part["groupby"].remove(name)
        if "detail" in part:
            part["detail"] = [channel for channel in part["detail"] if channel["field"] != name]
    for inner in (
        part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    ):
        leave_out(inner, name)


def test_filled_in_they_are_drawn(write_results: Write) -> None:
    made = points_of(write_results(*swept(precision=0.5)))
    chosen = {"series": "sampler.steps", "x": "schedule.n", "y": "sampler.steps"}
    chosen |= {"curve": "schedule.n", "curve series": "sampler.steps"}
    rows = json.loads(made.frame.to_json(orient="records"))
    for chart in charts(made):
        text = json.dumps(next(iter(chart.specs.values())), ensure_ascii=False)
        for role, parameter in chosen.items():
            text = replaced(text, role, axes.axis(made, parameter))
        assert "\ue000" not in text
        spec = json.loads(text) | {"datasets": {"points": rows}}
        if chart.name == "iterations":
            leave_out(spec, axes.axis(made, chosen["curve"]).field)
        svg = vl_convert.vegalite_to_svg(spec)
        kind = "rect mark" if chart.name == "heatmap" else "point"
        assert svg.count(f'aria-roledescription="{kind}"') == 4, chart.name
