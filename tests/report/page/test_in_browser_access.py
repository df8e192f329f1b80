"""Pages for everybody: by keyboard, in the dark, on a phone, on paper."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

LEAST = 4.5  # contrast of text, WCAG 2.2, 1.4.3
PHONE = 360

# Texts that can be seen, each with the contrast of its colour to the first ground behind it that
# isn't transparent. Numbers on tiles are drawn on the tiles' colours, not on a ground.
CONTRASTS = """() => {
  const parse = (text) => {
    const [r, g, b, alpha = 1] = text.match(/[\\d.]+/g).map(Number);
    return { rgb: [r, g, b], alpha };
  };
  const luminance = (rgb) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const found = parse(getComputedStyle(e).backgroundColor);
      if (found.alpha === 1) return found.rgb;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const told = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility()) continue;
    if (element.closest("script, style, noscript, .role-mark")) continue;
    const style = getComputedStyle(element);
    const svg = element instanceof SVGElement && element.tagName !== "svg";
    const [a, b] = [parse(svg ? style.fill : style.color).rgb, ground(element)].map(luminance);
    told.push([text, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return told;
}"""

# What can be reached by the Tab key, and what a reader of the screen calls it.
CONTROLS = """() => {
  const all = document.querySelectorAll("a, button, select, input, summary, [tabindex='0']");
  const text = (e) => e?.textContent.trim();
  const name = (e) =>
    e.getAttribute("aria-label") ||
    text(document.getElementById(e.getAttribute("aria-labelledby"))) ||
    text(e.labels?.[0]) ||
    (e.matches("select, input") ? "" : text(e));
  return [...all].filter((e) => e.checkVisibility()).map((e) => [e.tagName, name(e)]);
}"""

# Boxes of brothers that lie on one another.
OVERLAPS = """() => {
  const told = [];
  const places = ".controls, .cards, .title, nav ul, #gallery, main, section, figure";
  const seen = (e) => e.checkVisibility() && getComputedStyle(e).position !== "sticky";
  for (const parent of document.querySelectorAll(places)) {
    const boxes = [...parent.children].filter(seen).map((e) => [e, e.getBoundingClientRect()]);
    for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
      const [[a, p], [b, q]] = [boxes[i], boxes[j]];
      const width = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const height = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (width > 1 && height > 1) told.push([a.outerHTML.slice(0, 80), b.outerHTML.slice(0, 80)]);
    }
  }
  return told;
}"""


@pytest.fixture(scope="module")
def written(write_page: Any, write_rows: Any, sweep: Any) -> Any:
    return write_page(write_rows(sweep, pictured=True))


@pytest.fixture(scope="module")
def summary(open_page: Any, written: Any) -> Any:
    return open_page(written)


@pytest.fixture(scope="module")
def comparison(open_page: Any, write_page: Any, write_rows: Any, sweep: Any) -> Any:
    other = [{**row, "fid": row["fid"] and row["fid"] * 0.9} for row in sweep]
    return open_page(write_page(write_rows(sweep, name="old"), write_rows(other, name="new")))


@pytest.fixture(params=["summary", "comparison"])
def page(request: pytest.FixtureRequest, resize: Any) -> Any:
    """Each of the pages, as it is on a desk and by day."""
    found = request.getfixturevalue(request.param)
    found.emulate_media(media="screen", color_scheme="light")
    resize(found, 1280)
    return found


def switch(page: Any, scheme: str) -> None:
    """Change the scheme that the reader prefers."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate("new Promise(then => requestAnimationFrame(() => requestAnimationFrame(then)))")


def ground(page: Any) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_told_from_its_ground(page, scheme) -> None:
    switch(page, scheme)
    page.locator("#table").get_by_role("button", name="Details of row 1", exact=True).click()
    page.locator("[data-figure=pareto] details").evaluate("e => (e.open = true)")
    told = page.evaluate(CONTRASTS)
    assert len(told) > 300
    assert [(text, contrast) for text, contrast in told if contrast < LEAST] == []
    page.keyboard.press("Escape")


def test_the_theme_is_the_reader_s(summary) -> None:
    switch(summary, "light")
    button = summary.get_by_role("button", name="Dark")
    light = ground(summary)
    assert button.get_attribute("aria-pressed") == "false"
    switch(summary, "dark")
    dark = ground(summary)
    assert dark != light
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert ground(summary) == light
    switch(summary, "light")
    switch(summary, "dark")
    assert ground(summary) == light  # chosen, and not overruled
    button.click()
    assert ground(summary) == dark


def test_every_control_has_a_name(page) -> None:
    controls = page.evaluate(CONTROLS)
    assert {tag for tag, _ in controls} >= {"A", "BUTTON", "SELECT", "INPUT", "DIV"}
    assert [tag for tag, name in controls if not name] == []
    for image in page.locator("img").all():
        assert image.get_attribute("alt")
    for chart in page.locator("[role=graphics-document]").all():
        assert chart.get_attribute("aria-label")


def test_headings_are_in_order(page) -> None:
    levels = [
        int(name[1])
        for name in page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(e => e.tagName)")
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_keyboard_reaches_everything_and_shows_where_it_is(open_page, written) -> None:
    page = open_page(written)
    page.locator("#filter").fill("nfe=19 repeat=0")  # few rows to go through
    page.reload()
    page.wait_for_selector("html[data-drawn]", state="attached")
    wanted = len(page.evaluate(CONTROLS))
    assert wanted > 40
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")  # now seen
    for reached in range(wanted):
        first, outline, told = page.evaluate(
            """() => {
              const e = document.activeElement;
              const first = e !== document.body && !e.dataset.reached;
              e.dataset.reached = "1";
              return [first, getComputedStyle(e).outlineStyle, e.outerHTML.slice(0, 100)];
            }"""
        )
        assert first, f"{reached} of {wanted}, then again {told}"
        assert outline == "solid", told
        page.keyboard.press("Tab")


def test_the_first_link_skips_what_comes_before_the_report(open_page, written) -> None:
    page = open_page(written)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def test_links_lead_to_the_parts_of_the_page(page) -> None:
    links = page.locator("nav a")
    assert links.count() >= 6
    names = links.all_text_contents()
    assert len({*names}) == len(names)
    for link in links.all():
        target = page.locator(link.get_attribute("href"))
        assert target.locator("h2").first.text_content() == link.text_content()


def test_a_phone_scrolls_only_charts_and_tables_sideways(page, resize) -> None:
    resize(page, PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE
    outside = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
          .filter((e) => e.checkVisibility() && !e.closest(".scroll, .chart, pre, .skip"))
          .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
          .map((e) => e.outerHTML.slice(0, 100))"""
    )
    assert outside == []
    assert page.evaluate(OVERLAPS) == []


def test_nothing_overlaps_on_a_desk(page) -> None:
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_paper_shows_charts_and_tables_and_no_controls(page, resize) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    for hidden in ("nav", "#theme", "#controls", "#filter", "#copy", "#more", ".chart summary"):
        assert not any(found.is_visible() for found in page.locator(hidden).all()), hidden
    for seen in ("[data-figure=pareto] svg", "#table th button", "#table td button", ".cards"):
        assert page.locator(seen).first.is_visible(), seen
    assert ground(page) == "rgb(255, 255, 255)"
    label = page.locator(".role-axis-label text").first
    assert label.evaluate("e => getComputedStyle(e).fill") == "rgb(0, 0, 0)"
    paper = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) > 2
    resize(page, 718)  # A4 within its margins
    for chart in page.locator(".chart svg.marks").all():
        box = chart.bounding_box()
        assert box["x"] + box["width"] <= 718
