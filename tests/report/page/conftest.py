"""A browser, and pages of made-up results to open in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Error, Locator, Page, sync_playwright

from scorebench.report.document import Selection, document
from scorebench.report.page.render import render
from scorebench.running.picture import png, strip
from scorebench.store import Store

Row = dict[str, Any]
FORGET = "document.querySelectorAll('[data-chart]').forEach(e => e.dataset.drawn = '')"
BETTER = {"fid": "lower", "precision": "higher", "recall": "higher"}
ROLES = ("model", "schedule", "sampler")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One that is there, or playwright's own."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        try:
            launched = playwright.chromium.launch(executable_path=found, args=FLAGS)
        except Error:
            pytest.fail("no browser to test pages in: run scripts/install_browser", pytrace=False)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """Errors and warnings of opened pages, and what they asked the network for."""
    return []


@pytest.fixture(autouse=True)
def no_complaints(complaints: list[str]) -> Iterator[None]:
    """Pages work without a complaint, and without a network."""
    yield
    told = complaints.copy()
    complaints.clear()  # else all tests after this one would fail, too
    assert told == []


@pytest.fixture(scope="module")
def open_page(browser: Browser, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Open a page from disk, the network being off, and wait until its charts are drawn."""
    contexts = []

    def opened(path: Path, *, width: int = 1280, scheme: Any = "light", drawn: bool = True) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            reduced_motion="reduce",
            offline=True,
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        page = context.new_page()
        own = path.absolute().as_uri()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None,
        )
        page.on(
            "request",
            lambda r: (
                None
                if r.url == own or r.url.startswith(("data:", "blob:"))
                else complaints.append(r.url)
            ),
        )
        page.goto(own)
        if drawn:
            page.wait_for_selector("html[data-drawn]", state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def write_rows(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a results directory; its rows have names, parameters and measurements in one."""

    def write(
        rows: Sequence[Row],
        *,
        name: str = "results",
        pictured: bool = False,
        unfinished: int = 0,
        better: Mapping[str, str] = BETTER,
    ) -> Path:
        store = Store(tmp_path_factory.mktemp("report") / name)
        cells, records = [], []
        for i, row in enumerate(rows):
            full = {"model": "gaussian", "schedule": "karras", "sampler": "heun", **row}
            columns = {k: v for k, v in full.items() if k.partition(".")[0] in ROLES}
            measured = {
                "repeat": 0,
                "seed": row.get("repeat", 0),
                "samples": 100,
                "nfe": 10,
                "status": "ok",
                "error": None,
                "seconds": 1.5,
                "device": "cpu",
                "fingerprint": f"{i:032x}",
                **{k: v for k, v in full.items() if k not in columns and v is not None},
            }
            cells.append({"fingerprint": measured["fingerprint"], "columns": columns})
            records.append({"row": measured, "columns": columns, "traceback": row.get("error")})
        cells += [{"fingerprint": f"f{i:031x}", "columns": {}} for i in range(unfinished)]
        store.begin("name: made_up\n", {"suite": "made_up", "better": better, "cells": cells})
        for i, record in enumerate(records):
            store.write_cell(record, *(_pictures(i) if pictured else ()))
        return store.folder

    return write


def _pictures(i: int) -> tuple[bytes, bytes]:
    """A grid and a strip that no other cell has."""
    random = np.random.default_rng(i)
    images = random.integers(0, 256, (9, 1, 8, 8), dtype=np.uint8)
    states = random.integers(0, 256, (3, 5, 1, 8, 8), dtype=np.uint8)
    return png(images), strip(states)


@pytest.fixture(scope="session")
def write_page(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write the page of results."""

    def write(*results: Path, refresh: int | None = None) -> Path:
        path = tmp_path_factory.mktemp("page") / "report.html"
        content = document(results, Selection()).content()
        path.write_text(render(content, refresh), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def sweep() -> list[Row]:
    """Three repeats of ODE samplers and of Langevin dynamics, where one step size diverges."""
    rows = []
    for repeat in range(3):
        for n in (5, 10, 20):
            for sampler, nfe in (("euler", n), ("heun", 2 * n - 1)):
                fid = 40 / nfe + n / 10
                rows.append({"sampler": sampler, "schedule.n": n, "nfe": nfe, "fid": fid})
            for step in (0.1, 0.2, 0.4):
                for steps in (1, 3):
                    row = {
                        "sampler": "langevin",
                        "schedule.n": n,
                        "sampler.step_size": step,
                        "sampler.steps_per_level": steps,
                        "nfe": n * steps + 1,
                        "fid": 100 * step / (n * steps) + steps,
                    }
                    if step == 0.4 and n == 20:
                        row |= {"fid": None, "status": "diverged", "error": "not finite at step 7"}
                    rows.append(row)
        for row in rows[-24:]:
            row["repeat"] = repeat
            row["seconds"] = row["nfe"] / 100
            if row["fid"] is not None:
                row["fid"] *= 1 + repeat / 100
                row["precision"] = 1 / (1 + row["fid"])
                row["recall"] = row["nfe"] / (row["nfe"] + 10)
    return rows


@pytest.fixture
def choose() -> Callable[..., None]:
    """Choose what charts show, and wait until they do."""

    def chosen(page: Page, label: str, option: str, within: str = "#controls") -> None:
        page.evaluate(FORGET)
        control = page.locator(within).get_by_role("combobox", name=label, exact=True)
        control.select_option(option)
        place = "[data-chart]" if within == "#controls" else f"{within} [data-chart]"
        page.wait_for_function(
            "place => [...document.querySelectorAll(place)].every(e => e.dataset.drawn)", arg=place
        )

    return chosen


@pytest.fixture
def resize() -> Callable[[Page, int], None]:
    """Give a page another width, and wait until its charts have it."""

    def resized(page: Page, width: int) -> None:
        if page.evaluate("innerWidth") == width:
            return
        page.evaluate(FORGET)
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function(
            "[...document.querySelectorAll('[data-chart]')].every(e => e.dataset.drawn)"
        )

    return resized


@pytest.fixture
def marks() -> Callable[[Page, str], list[Row]]:
    """What the marks of a chart show, each with the ``text`` that it writes, if it does."""

    def shown(page: Page, selector: str) -> list[Row]:
        found: Locator = page.locator(selector)
        return found.evaluate_all(  # type: ignore[no-any-return]
            "all => all.map(e => ({...e.__data__.datum, text: e.textContent}))"
        )

    return shown
