"""Grids of samples in a browser, side by side in a dialog."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="module")
def page(open_page: Any, write_page: Any, write_rows: Any, sweep: Any) -> Any:
    return open_page(write_page(write_rows(sweep, pictured=True)))


@pytest.fixture
def gallery(page: Any) -> Any:
    """Its grids, and that of a sampler."""
    return page.locator("#gallery figure")


@pytest.fixture
def dialog(page: Any, gallery: Any) -> Any:
    """The details of heun's grid."""
    gallery.filter(has_text="heun").get_by_role("button").click()
    yield page.locator("dialog[open]")
    if page.locator("dialog[open]").count():
        page.keyboard.press("Escape")


def sources(place: Any) -> list[str]:
    return place.locator("img").evaluate_all("all => all.map(img => img.src)")


def test_the_gallery_shows_the_best_of_each_sampler(page, gallery) -> None:
    titles = gallery.locator("strong").all_text_contents()
    assert sorted(title.partition(" ")[0] for title in titles) == ["euler", "heun", "langevin"]
    assert any("heun · schedule.n 20" in title for title in titles)  # of the least FID
    sizes = gallery.locator("img").evaluate_all("all => all.map(img => img.naturalWidth)")
    assert all(size > 50 for size in sizes)


def test_the_gallery_shows_all_configurations_of_a_seed(page, gallery) -> None:
    controls = page.locator("#gallery-controls")
    first = sources(gallery)
    controls.get_by_label("Seed").select_option("1")
    assert not {*first} & {*sources(gallery)}
    controls.get_by_label("Show").select_option("all")
    assert gallery.count() == 24
    controls.get_by_label("Seed").select_option("0")
    assert {*first} <= {*sources(gallery)}
    controls.get_by_label("Show").select_option("best")
    assert sources(gallery) == first


def test_seeds_may_be_larger_than_a_script_s_numbers(open_page, write_page, write_rows) -> None:
    large = [2**60, 2**60 + 1]
    rows = [{"repeat": i, "seed": seed, "nfe": 9, "fid": 3.5} for i, seed in enumerate(large)]
    page = open_page(write_page(write_rows(rows, pictured=True)))
    control = page.locator("#gallery-controls").get_by_label("Seed")
    assert control.locator("option").all_text_contents() == [str(seed) for seed in large]
    grids = page.locator("#gallery figure")
    first = sources(grids)
    for label, shown in ((str(large[1]), False), (str(large[0]), True)):
        control.select_option(label=label)
        assert (sources(grids) == first) == shown


def test_a_grid_opens_with_its_trajectory_and_all_facts(dialog) -> None:
    images = dialog.locator(".pair img").evaluate_all("all => all.map(img => img.alt)")
    assert [alt.partition(":")[0].partition(" of ")[0] for alt in images] == [
        "Samples",
        "From noise to sample",
    ]
    facts = dict(
        zip(
            dialog.locator("dt").all_text_contents(),
            dialog.locator("dd").all_text_contents(),
            strict=True,
        )
    )
    assert (facts["sampler"], facts["schedule.n"], facts["nfe"]) == ("heun", "20", "39")
    command = dialog.locator("pre").text_content()
    assert f"--only {facts['fingerprint'][:12]}" in command


def test_beside_it_is_the_same_seed_of_another(page, dialog) -> None:
    beside = dialog.get_by_label("Beside it")
    options = beside.locator("option").all_text_contents()
    assert len(options) == 1 + 23  # nothing, and what else has this seed
    name = next(option for option in options if "euler" in option)
    beside.select_option(label=name)
    halves = dialog.locator(".pair > div")
    assert halves.count() == 2
    assert halves.nth(1).locator("strong").text_content() == name
    assert len({*sources(halves.nth(0)), *sources(halves.nth(1))}) == 4
    boxes = [half.locator("img").first.bounding_box() for half in halves.all()]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert boxes[0]["width"] == pytest.approx(boxes[1]["width"], abs=1)
    beside.select_option("")
    assert halves.count() == 1


def test_grids_are_side_by_side_on_a_phone(open_page, page) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    page.locator("#gallery figure").first.get_by_role("button").click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Beside it").select_option(index=2)
    left, right = (half.bounding_box() for half in dialog.locator(".pair > div").all())
    assert left["x"] + left["width"] <= right["x"]
    assert right["x"] + right["width"] <= 360
    assert dialog.evaluate("e => e.scrollWidth <= e.clientWidth")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.parametrize("how", ["Escape", "button", "beside"])
def test_a_dialog_closes_and_focus_returns(page, gallery, how) -> None:
    opener = gallery.nth(1).get_by_role("button")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    dialog.wait_for()
    assert dialog.evaluate("e => e.contains(document.activeElement)")
    if how == "Escape":
        page.keyboard.press("Escape")
    elif how == "button":
        dialog.get_by_role("button", name="Close").click()
    else:
        page.mouse.click(3, 3)
    assert page.locator("dialog[open]").count() == 0
    assert opener.evaluate("e => e === document.activeElement")
