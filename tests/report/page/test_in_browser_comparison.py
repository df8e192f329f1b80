"""Comparisons of two and of three results in a browser."""

from __future__ import annotations

from typing import Any

import pytest

REPEATS = range(20)


@pytest.fixture(scope="module")
def results(write_rows: Any) -> Any:
    """Results of which heun is better and euler worse than in the first, and midpoint new."""

    def written(name: str, better: float) -> Any:
        rows = [
            {
                "sampler": sampler,
                "schedule.n": n,
                "repeat": repeat,
                "nfe": n,
                "fid": 10 / n + 1 + 0.01 * repeat + sign * better * (1 + repeat % 3 / 10),
                "precision": 0.5,
            }
            for repeat in REPEATS
            for n in (5, 10)
            for sampler, sign in (("heun", -1), ("euler", 1), *([("midpoint", 0)] * (better > 0)))
        ]
        return write_rows(rows, name=name, pictured=len(name) < 6)

    return written("first", 0.0), written("other", 0.3), written("third, with a longer name", 0.5)


@pytest.fixture(scope="module")
def two(open_page: Any, write_page: Any, results: Any) -> Any:
    return open_page(write_page(*results[:2]))


@pytest.fixture(scope="module")
def three(open_page: Any, write_page: Any, results: Any) -> Any:
    return open_page(write_page(*results))


def test_the_verdict_comes_first(two) -> None:
    cards = two.locator("#finding .cards li")
    fid = cards.filter(has_text="fid").text_content()
    assert "2 improved" in fid
    assert "2 regressed" in fid
    assert "unchanged" in cards.filter(has_text="precision").text_content()


def test_each_other_result_has_its_verdict(three) -> None:
    heads = three.locator("#finding h3").all_text_contents()
    assert heads == ["other against first", "third, with a longer name against first"]


@pytest.mark.parametrize(("page", "others"), [("two", 1), ("three", 2)])
def test_every_difference_has_a_mark_and_an_interval(request, marks, page, others) -> None:
    page = request.getfixturevalue(page)
    chart = "[data-figure=differences]"
    found = marks(page, f"{chart} .role-mark.mark-symbol path")
    assert len(found) == 4 * others
    for mark in found:
        assert mark["low"] < mark["difference"] < mark["high"]
        assert mark["verdict"] == ("improved" if "heun" in mark["label"] else "regressed")
    labels = page.locator(f"{chart} .role-axis-label text").all_text_contents()
    assert {mark["label"] for mark in found} <= {*labels}


def test_a_difference_s_tooltip_tells_what_it_is_of(two) -> None:
    mark = two.locator("[data-figure=differences] .role-mark.mark-symbol path").first
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    tooltip = two.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    for word in ("configuration", "difference", "low", "high", "p (Holm)", "pairs", "verdict"):
        assert word in tooltip.text_content()


def test_a_metric_without_a_difference_has_its_chart(two, choose, marks) -> None:
    choose(two, "Metric", "precision")
    found = marks(two, "[data-figure=differences] .role-mark.mark-symbol path")
    assert {mark["verdict"] for mark in found} == {"unchanged"}
    choose(two, "Metric", "fid")


def test_tables_give_the_numbers_and_what_is_only_in_one(two) -> None:
    tables = two.locator("#differences table")
    assert tables.nth(0).locator("caption").text_content() == "fid (lower is better)"
    assert tables.nth(0).locator("tbody tr").count() == 4
    assert "midpoint" in tables.last.text_content()


def test_rows_and_grids_say_which_results_they_are_of(two) -> None:
    two.locator("#filter").fill("results=other sampler=midpoint")
    two.get_by_text("40 of 200 rows").wait_for()
    two.locator("#filter").fill("")
    assert two.locator("#gallery figure strong").first.text_content().startswith(("first", "other"))


def test_a_grid_lies_beside_that_of_the_other_result(two) -> None:
    two.locator("#gallery figure").first.get_by_role("button").click()
    dialog = two.locator("dialog[open]")
    own = dialog.locator("h2").text_content().partition(": ")[2]
    mine, _, configuration = own.partition(": ")
    other = {"first": "other", "other": "first"}[mine]
    beside = dialog.get_by_label("Beside it")
    named = [o for o in beside.locator("option").all_text_contents() if o.startswith(f"{other}: ")]
    assert named
    beside.select_option(label=named[0])
    titles = dialog.locator(".pair strong").all_text_contents()
    assert titles == [own, named[0]]
    assert configuration
    two.keyboard.press("Escape")


def test_names_too_long_for_a_chart_keep_their_ends(open_page, write_page, write_rows) -> None:
    rows = [
        {"sampler": "s" * 90, "schedule.n": n, "repeat": r, "nfe": 1, "fid": float(n + r)}
        for n in (5, 10)
        for r in range(2)
    ]
    other = [{**row, "fid": row["fid"] + 1 + row["repeat"] / 9} for row in rows]
    page = open_page(write_page(write_rows(rows, name="a"), write_rows(other, name="b")), width=360)
    labels = page.locator("[data-figure=differences] .role-axis-label text").all_text_contents()
    assert [label for label in labels if label.endswith(("n 5", "n 10"))]
    box = page.locator("[data-figure=differences] .role-mark.mark-symbol path").first
    assert box.bounding_box()["x"] < 600  # to be reached by scrolling the chart
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    edge = page.locator("[data-figure=differences] svg.marks").bounding_box()
    for label in page.locator("[data-figure=differences] .role-legend-label text").all():
        box = label.bounding_box()
        assert box["x"] + box["width"] <= edge["x"] + edge["width"]
