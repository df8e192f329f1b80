"""Odd results in a browser: strange names, nothing but failures, nothing at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

SCRIPT = "<script>alert(1)</script>"
LONG = "x" * 300
TRICKY = (
    SCRIPT,
    "<img src=x onerror=alert(1)>",
    "\"'`${1}&lt;",
    LONG,
    "⟨series⟩",
    "a.b[0]",
    "</style>",
)


@pytest.fixture(scope="module")
def visit(open_page: Any, write_page: Any, write_rows: Any) -> Any:
    """Open the page of rows on a phone: there is the least room."""

    def opened(rows: Any, *, drawn: bool = True, **how: Any) -> Any:
        page = open_page(write_page(write_rows(rows, **how)), width=360, drawn=drawn)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        return page

    return opened


def test_names_are_text_whatever_they_look_like(visit) -> None:
    alerts: list[str] = []
    rows = [
        {
            "sampler": name,
            "schedule.n": i % 3 + 1,
            f"sampler.{name}": i,
            "nfe": i + 1,
            "fid": 1.0 + i,
            "repeat": repeat,
        }
        for i, name in enumerate(TRICKY)
        for repeat in range(2)
    ]
    page = visit(rows, name="a b'c&<i>", pictured=True)
    page.on("dialog", lambda dialog: alerts.append(dialog.message))
    assert page.locator("h1").text_content() == "a b'c&<i>"
    legend = page.locator("[data-figure=pareto] .role-legend-label text").all_text_contents()
    assert {name for name in TRICKY if name != LONG} <= {*legend}
    assert page.locator("[data-figure=pareto] .role-mark.mark-symbol path").count() == len(TRICKY)
    for i in range(1, len(rows) + 1, 2):
        page.get_by_role("button", name=f"Details of row {i}", exact=True).click()
        assert TRICKY[i // 2] in page.locator("dialog h2").text_content()
        assert page.locator("dialog").evaluate("e => e.scrollWidth <= e.clientWidth")
        page.keyboard.press("Escape")
    page.locator("#filter").fill(f"sampler={SCRIPT}")
    page.get_by_text("2 of 14 rows").wait_for()
    page.locator("[data-figure=pareto] .role-mark.mark-symbol path").first.hover(force=True)
    page.locator("#vg-tooltip-element.visible").wait_for()
    assert page.locator("#vg-tooltip-element script, #vg-tooltip-element img").count() == 0
    assert alerts == []


NAMES = (
    "constructor",
    "__proto__",
    "toString",
    "title",
    "image",
    "NFE",
    "p0",
    "id",
    "part",
    "point",
    "members",
    "null",
    "label",
    "x",
    'a"b\\c',
    "⟨series⟩",
    "⟨series title⟩",
    SCRIPT,
)


def test_metrics_are_shown_whatever_they_are_called(visit, choose) -> None:
    rows = [
        {
            "sampler": sampler,
            "schedule.n": n,
            "nfe": n,
            **{name: 10.0 * j + n for j, name in enumerate(NAMES)},
        }
        for sampler in ("euler", "heun")
        for n in (1, 2)
    ]
    better = dict.fromkeys(NAMES, "lower")
    page = visit(rows, name="constructor", better=better)
    assert page.locator("#table tbody tr").count() == 4
    for j, name in enumerate(NAMES):
        choose(page, "Metric", name)
        assert page.locator(".notice", has_text="can't be drawn").count() == 0
        titles = page.locator("[data-figure=pareto] .role-axis-title").all_text_contents()
        assert titles[1] == f"{name} ↓"
        legend = page.locator("[data-figure=pareto] .role-legend-title").all_text_contents()
        assert legend == ["sampler"]
        page.mouse.move(0, 0)
        page.locator("[data-figure=pareto] .role-mark.mark-symbol path").first.hover(force=True)
        tooltip = page.locator("#vg-tooltip-element.visible")
        tooltip.wait_for()
        told = tooltip.locator("tr").evaluate_all(
            "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        )
        names = ["sampler", "schedule.n", name, "NFE", "seconds", "repeats that ended ok"]
        assert [key for key, _ in told] == [*names, "model", "schedule"]
        assert float(told[2][1]) == 10 * j + 1
    page.locator("#filter").fill("constructor<1.5")
    page.get_by_text("2 of 4 rows").wait_for()
    page.get_by_role("button", name="Details of row 1", exact=True).click()
    terms = page.locator("dialog dt").all_text_contents()
    assert {*NAMES} <= {*terms}


def test_columns_of_tables_may_be_called_like_what_the_page_adds(
    open_page, write_page, tmp_path
) -> None:
    paths = []
    for name in ("a", "b"):
        paths.append(tmp_path / f"{name}.csv")
        rows = [f"heun,{n},0,{n},{n + 10},{n + 20},{n + 30}" for n in (1, 2)]
        head = "sampler,sampler.n,seed,fid,results,point,members"
        paths[-1].write_text("\n".join([head, *rows, ""]))
    one, both = (open_page(write_page(*given)) for given in (paths[:1], paths))
    for page, title in ((one, "Row 2: sampler.n 2"), (both, "Row 2: a.csv: ")):
        page.get_by_role("button", name="Details of row 2", exact=True).click()
        assert page.locator("dialog h2").text_content().startswith(title)
        terms = page.locator("dialog dt").all_text_contents()
        values = page.locator("dialog dd").all_text_contents()
        told = dict(zip(terms, values, strict=True))
        assert [told[name] for name in ("results_", "point", "members")] == ["12", "22", "32"]
        page.keyboard.press("Escape")
    both.locator("#filter").fill("results=b.csv results_=11")
    both.get_by_text("1 of 4 rows").wait_for()


def test_a_legend_of_thirty_samplers_can_be_read(visit, resize) -> None:
    rows = [
        {"sampler": f"sampler_number_{i:02}", "schedule.n": n, "nfe": i + n, "fid": 50.0 - i + n}
        for i in range(30)
        for n in (1, 2)
    ]
    page = visit(rows)
    for width in (360, 1280):
        resize(page, width)
        labels = page.locator("[data-figure=pareto] .role-legend-label text")
        assert labels.count() == 30
        boxes = [label.bounding_box() for label in labels.all()]
        assert all(box["x"] + box["width"] <= width for box in boxes)
        for i, a in enumerate(boxes):
            for b in boxes[i + 1 :]:
                apart = a["y"] + a["height"] <= b["y"] + 4 or b["y"] + b["height"] <= a["y"] + 4
                beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
                assert apart or beside
    marks = page.locator("[data-figure=pareto] .role-legend-symbol path").evaluate_all(
        "all => all.map(e => e.getAttribute('d') + getComputedStyle(e).fill)"
    )
    assert len({*marks}) == 30  # no two are the same


def test_a_metric_of_nan_only(visit) -> None:
    rows = [
        {"schedule.n": n, "nfe": n, "fid": float("nan"), "precision": 0.1 * n} for n in (1, 2, 3)
    ]
    page = visit(rows)
    metric = page.locator("#controls").get_by_role("combobox", name="Metric")
    for name in metric.locator("option").all_text_contents():
        metric.select_option(name)
        page.wait_for_function(
            "name => [...document.querySelectorAll('[data-chart]')]"
            ".every(e => e.dataset.drawn === name)",
            arg=name,
        )
        marks = page.locator("[data-figure=pareto] .role-mark.mark-symbol path").count()
        assert marks == (3 if name == "precision" else 0)
    assert page.locator(".notice", has_text="can't be drawn").count() == 0


def test_one_row(visit) -> None:
    page = visit([{"nfe": 9, "fid": 3.5}], pictured=True)
    assert page.locator("[data-figure=pareto] .role-mark.mark-symbol path").count() == 1
    assert page.locator("#gallery img").count() == 1
    assert page.locator("#count").text_content() == "1 row"


def test_a_page_without_pictures_says_nothing_of_samples(visit) -> None:
    page = visit([{"nfe": 9, "fid": 3.5}])
    assert page.locator("#samples").count() == 0
    assert "Samples" not in page.locator("nav a").all_text_contents()
    page.get_by_role("button", name="Details of row 1", exact=True).click()
    assert "No picture" in page.locator("dialog .pair").text_content()


def test_only_failures(visit) -> None:
    rows = [
        {"schedule.n": n, "nfe": None, "status": "failed", "error": f"no {SCRIPT}", "seconds": None}
        for n in (1, 2, 3)
    ]
    page = visit(rows, drawn=False)
    failures = page.locator("#failures")
    assert f"no {SCRIPT}" in failures.locator("details").first.text_content()
    assert page.locator("#table tbody tr").count() == 3
    page.get_by_role("button", name="Details of row 2", exact=True).click()
    assert page.locator("dialog .notice").text_content() == f"failed: no {SCRIPT}"


def test_nothing_finished(visit) -> None:
    page = visit([], drawn=False, unfinished=7)
    assert "None of the 7 cells has finished" in page.locator("#finding").text_content()
    assert page.locator("#table, [data-chart], #gallery").count() == 0
    page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_parts_that_can_t_be_compared_are_never_in_one_chart(visit, choose, marks) -> None:
    rows = [
        {"sampler": sampler, "schedule.n": n, "nfe": n, "fid": 10.0 / n + size, "samples": size}
        for size in (100, 500, 1000)
        for sampler in ("heun", "euler")
        for n in (5, 10)
    ]
    page = visit(rows, pictured=True)
    control = page.locator("#controls").get_by_role("combobox", name="Rows of")
    parts = control.locator("option").all_text_contents()
    assert len(parts) == 3
    held = json.loads(page.locator("#data").text_content())
    chosen = [parts[i] for i in (1, 2, 0)]
    for part in chosen:
        choose(page, "Rows of", part)
        size = int(part.rpartition(" ")[2].replace(",", ""))
        field = f"m{held['metrics'].index('fid')}"
        for chart in ("pareto", "time"):
            found = marks(page, f"[data-figure={chart}] .role-mark.mark-symbol path")
            assert len(found) == 4
            assert all(0 < mark[field] - size < 3 for mark in found)
        tiles = marks(page, "[data-figure=heatmap] .mark-rect.role-mark path")
        assert all(0 < tile[field] - size < 3 for tile in tiles)
        page.locator("#gallery figure").first.get_by_role("button").click()
        terms = page.locator("dialog dt").all_text_contents()
        values = page.locator("dialog dd").all_text_contents()
        assert dict(zip(terms, values, strict=True))["samples"] == str(size)
        page.keyboard.press("Escape")


def test_pictures_of_one_part_come_back(visit, choose) -> None:
    rows = [{"nfe": 9, "fid": 3.5, "samples": 100}, {"nfe": 9, "fid": 3.5, "samples": 500}]
    page = visit(rows, pictured=True)
    parts = page.locator("#controls").get_by_role("combobox", name="Rows of").locator("option")
    for part in [*parts.all_text_contents(), parts.first.text_content()]:
        choose(page, "Rows of", part)
        assert page.locator("#gallery img").is_visible()
