"""Charts of a page, drawn by a browser."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from numpy.testing import assert_allclose

METRICS = ("fid", "precision", "recall")
NAMES = ["sampler", "schedule.n", "sampler.step_size", "sampler.steps_per_level"]


@pytest.fixture(scope="module")
def page(open_page: Any, write_page: Any, write_rows: Any, sweep: Any) -> Any:
    return open_page(write_page(write_rows(sweep)))


@pytest.fixture(scope="module")
def means(sweep: Any) -> pd.DataFrame:
    """The sweep's configurations, by the mean of their repeats."""
    frame = pd.DataFrame(sweep).groupby(NAMES, dropna=False)[["nfe", "seconds", *METRICS]].mean()
    return frame.reset_index()


@pytest.fixture(scope="module")
def field(page: Any) -> Any:
    """What a parameter or metric is called in the data of charts."""
    held = json.loads(page.locator("#data").text_content())

    def called(name: str) -> str:
        if name in held["metrics"]:
            return f"m{held['metrics'].index(name)}"
        return f"p{held['parameters'].index(name)}"

    return called


@pytest.mark.parametrize("metric", METRICS)
def test_every_chart_shows_every_value_of_every_metric(
    page, choose, marks, means, field, metric
) -> None:
    choose(page, "Metric", metric)
    known = means.dropna(subset=[metric])
    assert 0 < len(known) < len(means)  # one diverged
    for chart, cost in (("pareto", "nfe"), ("time", "seconds")):
        found = marks(page, f"[data-figure={chart}] .role-mark.mark-symbol path")
        told = sorted((m[cost], m[field(metric)]) for m in found)
        assert_allclose(told, sorted(zip(known[cost], known[metric], strict=True)))
    tradeoff = marks(page, "[data-figure=precision_recall] .role-mark.mark-symbol path")
    assert len(tradeoff) == len(known)
    assert page.locator("[data-figure=heatmap] .mark-rect.role-mark path").count() > 1
    assert page.locator("[data-figure=iterations] .mark-line.role-mark path").count() > 1
    assert page.locator("[data-figure=pareto] .role-axis-title", has_text=metric).count() == 1


@pytest.mark.parametrize("metric", METRICS)
def test_the_line_goes_through_the_pareto_set(page, choose, means, field, metric) -> None:
    choose(page, "Metric", metric)
    loss = means[metric] * (1 if metric == "fid" else -1)
    beaten = [
        ((means["nfe"] <= nfe) & (loss <= own) & ((means["nfe"] < nfe) | (loss < own))).any()
        for nfe, own in zip(means["nfe"], loss, strict=True)
    ]
    best = means[loss.notna() & ~pd.Series(beaten)].drop_duplicates(["nfe", metric])
    line = page.locator("[data-figure=pareto] .mark-line.role-mark path")
    items = line.evaluate("e => e.__data__.mark.items.map(item => item.datum)")
    shown = sorted((item["nfe"], item[field(metric)]) for item in items)
    assert_allclose(shown, sorted(zip(best["nfe"], best[metric], strict=True)))


def test_a_tooltip_tells_all_parameters_and_a_click_opens_the_details(page, choose) -> None:
    choose(page, "Metric", "fid")
    mark = page.locator("[data-figure=pareto] .role-mark.mark-symbol path").nth(3)
    mark.scroll_into_view_if_needed()
    datum = mark.evaluate("e => e.__data__.datum")
    page.mouse.move(0, 0)
    mark.hover(force=True)
    tooltip = page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    rows = tooltip.locator("tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    told = {key.rstrip(":"): value for key, value in rows}
    held = json.loads(page.locator("#data").text_content())
    assert {name: told[name] for name in held["parameters"]} == {
        name: datum[f"p{i}"] for i, name in enumerate(held["parameters"])
    }
    assert float(told["fid"]) == pytest.approx(datum["m0"], rel=1e-3)
    mark.click(force=True)
    dialog = page.locator("dialog[open]")
    assert datum["label"] in dialog.locator("h2").text_content()
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_a_tooltip_tells_what_a_configuration_has_in_common(
    open_page, write_page, write_rows
) -> None:
    steps = {"schedule.sigma_max": 10, "nfe": 5}
    rows = [
        {"sampler": "euler", "fid": 2.0, **steps},
        {"sampler": "langevin", "fid": 1.0, **steps, "sampler.denoise": True},
    ]
    page = open_page(write_page(write_rows(rows)))
    common = {"model": "gaussian", "schedule": "karras", "schedule.sigma_max": "10"}
    for fid, own in ((2, {}), (1, {"sampler.denoise": "true"})):
        page.mouse.move(0, 0)
        mark = f"[data-figure=pareto] .mark-symbol path[aria-label*='fid ↓: {fid};']"
        page.locator(mark).hover(force=True)
        told = page.locator("#vg-tooltip-element.visible tr")
        told.get_by_text("langevin" if own else "euler").wait_for()
        cells = told.evaluate_all("rows => rows.map(r => [...r.cells].map(c => c.textContent))")
        found = dict(cells)
        assert found.items() >= (common | own).items()
        assert ("sampler.denoise" in found) == bool(own)


def test_marks_stand_for_the_parameter_chosen(page, choose) -> None:
    choose(page, "Marks by", "schedule.n")
    legend = page.locator("[data-figure=pareto] .role-legend-label text").all_text_contents()
    assert legend == ["5", "10", "20"]
    choose(page, "Marks by", "sampler")
    legend = page.locator("[data-figure=pareto] .role-legend-label text").all_text_contents()
    assert legend == ["euler", "heun", "langevin"]


def test_a_heatmap_shows_the_plane_chosen(page, choose, marks, means, field) -> None:
    choose(page, "Metric", "fid")
    heatmap = "[data-figure=heatmap]"
    choose(page, "Across", "schedule.n", heatmap)
    choose(page, "Up", "sampler.step_size", heatmap)
    for steps in ("3", "1"):
        choose(page, "sampler.steps_per_level", steps, heatmap)
        plane = means[means["sampler.steps_per_level"] == float(steps)]
        known = plane.dropna(subset="fid")
        tiles = marks(page, f"{heatmap} .mark-rect.role-mark path")
        shown = {
            (float(t[field("schedule.n")]), float(t[field("sampler.step_size")])) for t in tiles
        }
        assert shown == set(zip(known["schedule.n"], known["sampler.step_size"], strict=True))
        written = [m["text"] for m in marks(page, f"{heatmap} .mark-text.role-mark text")]
        assert written.count("✕") == len(plane) - len(known) == 1
        numbers = sorted(float(text) for text in written if text != "✕")
        assert numbers == pytest.approx(sorted(known["fid"]), rel=5e-3)


def test_parameters_of_a_heatmap_change_places(page, choose) -> None:
    heatmap = "[data-figure=heatmap]"
    choose(page, "Across", "schedule.n", heatmap)
    choose(page, "Up", "sampler.step_size", heatmap)
    choose(page, "Across", "sampler.step_size", heatmap)
    assert page.locator(heatmap).get_by_role("combobox", name="Up").input_value() == "schedule.n"
    titles = page.locator(f"{heatmap} .role-axis-title").all_text_contents()
    assert titles == ["sampler.step_size", "schedule.n"]


def test_curves_run_over_the_parameter_chosen(page, choose, marks, means, field) -> None:
    curves = "[data-figure=iterations]"
    choose(page, "Over", "sampler.step_size", curves)
    choose(page, "Colours by", "schedule.n", curves)
    known = means.dropna(subset=["fid", "sampler.step_size"])
    found = marks(page, f"{curves} .role-mark.mark-symbol path")
    assert sorted(m[field("fid")] for m in found) == pytest.approx(sorted(known["fid"]))
    assert page.locator(f"{curves} .mark-line.role-mark path").count() == 6  # levels × iterations
    legend = page.locator(f"{curves} .role-legend-label text").all_text_contents()
    assert legend == ["5", "10", "20"]
    axis = page.locator(f"{curves} .role-axis-title").all_text_contents()
    assert axis == ["sampler.step_size", "fid ↓"]


def test_a_legend_has_no_place_for_what_no_curve_is_of(page, choose) -> None:
    curves = "[data-figure=iterations]"
    choose(page, "Over", "sampler.steps_per_level", curves)
    choose(page, "Colours by", "sampler.step_size", curves)
    legend = page.locator(f"{curves} .role-legend-label text").all_text_contents()
    assert legend == ["0.1", "0.2", "0.4"]  # and not the –  of ODE samplers


def test_charts_fill_the_room_there_is(page) -> None:
    try:
        page.set_viewport_size({"width": 700, "height": 800})
        narrow = "() => document.querySelector('[data-figure=pareto] svg').clientWidth < 700"
        page.wait_for_function(narrow)
    finally:
        page.set_viewport_size({"width": 1280, "height": 800})
    wide = "() => document.querySelector('[data-figure=pareto] svg').clientWidth > 1100"
    page.wait_for_function(wide)


def test_a_chart_can_be_saved(page) -> None:
    menu = page.locator("[data-figure=pareto] details")
    menu.locator("summary").click()
    with page.expect_download() as download:
        menu.get_by_text("SVG").click()
    assert "<svg" in download.value.path().read_text()
    assert download.value.suggested_filename == "pareto.svg"
    menu.locator("summary").click()
