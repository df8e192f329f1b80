"""Pages that load themselves again while a sweep runs, and do not lose the reader's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def path(write_page: Any, write_rows: Any, sweep: Any) -> Path:
    return write_page(write_rows(sweep, pictured=True), refresh=60)


@pytest.fixture
def page(open_page: Any, path: Path) -> Any:
    found = open_page(path)
    yield found
    found.context.close()


def again(page: Any) -> None:
    page.reload()
    page.wait_for_selector("html[data-drawn]", state="attached")


def test_choices_survive(page, choose) -> None:
    choose(page, "Metric", "recall")
    choose(page, "Marks by", "schedule.n")
    choose(page, "Across", "sampler.step_size", "[data-figure=heatmap]")
    page.locator("#filter").fill("sampler=heun")
    page.get_by_label("all columns").check()
    page.locator('#table th button[data-column="nfe"]').click()
    page.locator('#table th button[data-column="nfe"]').click()
    page.locator("#gallery-controls").get_by_label("Show").select_option("all")
    page.locator("#gallery-controls").get_by_label("Seed").select_option("2")
    page.get_by_role("button", name="Dark").click()
    state = """() => ({
      selects: [...document.querySelectorAll("select")].map(e => e.value),
      filter: document.getElementById("filter").value,
      head: document.querySelector("#table thead").textContent,
      rows: document.querySelector("#table tbody").textContent,
      theme: document.documentElement.dataset.theme,
      titles: [...document.querySelectorAll(".role-axis-title")].map(e => e.textContent),
    })"""
    before = page.evaluate(state)
    assert before["theme"] == "dark"
    assert "nfe ▼" in before["head"]
    again(page)
    assert page.evaluate(state) == before


@pytest.mark.parametrize("place", ["#rows", "[data-figure=iterations]", "#provenance"])
def test_the_reading_position_survives(page, place) -> None:
    page.locator(place).evaluate("e => e.scrollIntoView({block: 'start'})")
    top = page.locator(place).evaluate("e => e.getBoundingClientRect().top")
    scrolled = page.evaluate("scrollY")
    assert scrolled > 500
    page.reload()
    assert page.evaluate("scrollY") == pytest.approx(scrolled, abs=3)  # before charts are drawn
    page.wait_for_selector("html[data-drawn]", state="attached")
    page.wait_for_timeout(100)
    after = page.locator(place).evaluate("e => e.getBoundingClientRect().top")
    assert after == pytest.approx(top, abs=3)


def test_choices_of_other_results_are_not_taken_over(
    page, choose, path, write_page, write_rows
) -> None:
    choose(page, "Metric", "recall")
    kept = path.read_text()
    try:
        other = write_page(write_rows([{"nfe": 1, "fid": 2.0}, {"nfe": 2, "fid": 1.0}]))
        path.write_text(other.read_text())
        again(page)
        metric = page.locator("#controls").get_by_role("combobox", name="Metric")
        assert metric.input_value() == "fid"
    finally:
        path.write_text(kept)


@pytest.fixture
def watched(open_page: Any, path: Path) -> Any:
    """A page by whose clock no time passes unless a test lets it."""
    page = open_page(path)
    page.clock.install()
    again(page)
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)
    page.evaluate("window.same = true")
    yield page
    page.context.close()


def in_a_minute_it_loads(page: Any) -> bool:
    """Whether it does; it is due once in each, and a second load would break the first off."""
    with page.expect_navigation():
        page.clock.run_for(60_000)
    return not is_same(page)


def is_same(page: Any) -> bool:
    page.wait_for_load_state()
    return bool(page.evaluate("window.same === true"))


def test_a_page_nobody_touches_is_loaded_again(watched) -> None:
    assert in_a_minute_it_loads(watched)


def test_a_page_is_not_loaded_again_under_a_dialog(watched) -> None:
    watched.locator("#gallery figure").first.get_by_role("button").focus()
    watched.keyboard.press("Enter")
    watched.locator("dialog[open]").wait_for()
    watched.clock.run_for(200_000)
    assert is_same(watched)
    watched.keyboard.press("Escape")
    assert in_a_minute_it_loads(watched)


def test_a_page_is_not_loaded_again_while_somebody_is_at_work_in_it(watched) -> None:
    for _ in range(20):
        watched.locator("#filter").press("h")
        watched.clock.run_for(8_000)
    assert is_same(watched)
    assert in_a_minute_it_loads(watched)
    assert watched.locator("#filter").input_value() == 20 * "h"
