"""The table of all rows in a browser: sorted, filtered, copied, with ten thousand of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ROWS = 10_000


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Ten thousand rows; in every seventh a metric is NaN."""
    random = np.random.default_rng(0)
    i = np.arange(ROWS)
    fid = random.lognormal(2.0, 1.0, ROWS)
    return pd.DataFrame(
        {
            "model": "gaussian",
            "schedule": "karras",
            "schedule.n": 5 * (1 + i // 2 % 50),
            "sampler": np.where(i % 2, "heun", "euler"),
            "sampler.step_size": np.round(0.001 * (1 + i // 100), 6),
            "repeat": 0,
            "nfe": 1 + i % 300,
            "fid": np.where(i % 7 == 0, np.nan, fid),
            "note": ["=1+1" if j == 4 else 'a "b", c' if j % 3 else "" for j in i],
            "status": "ok",
            "seconds": random.uniform(0.1, 9.0, ROWS),
        }
    )


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory, write_page: Any, frame: Any) -> Path:
    table = tmp_path_factory.mktemp("table") / "large.csv"
    frame.to_csv(table, index=False)
    return write_page(table)


@pytest.fixture(scope="module")
def page(open_page: Any, page_file: Path) -> Any:
    return open_page(page_file)


@pytest.fixture(autouse=True)
def fresh(page: Any) -> None:
    """Each test begins with all rows, and with few columns."""
    page.get_by_label("all columns").uncheck()
    search(page, "")


def shown(page: Any, name: str) -> list[str]:
    """The cells of a column."""
    heads = page.locator("#table thead th").evaluate_all(
        "all => all.map(th => th.querySelector('button')?.dataset.column)"
    )
    return page.locator(f"#table tbody td:nth-child({heads.index(name) + 1})").all_text_contents()


def search(page: Any, words: str) -> None:
    page.locator("#filter").fill(words)
    page.wait_for_timeout(200)


def count(page: Any) -> int:
    """How many rows the table says that it has."""
    return int(page.locator("#count").text_content().split()[0])


def sort(page: Any, name: str) -> None:
    page.locator(f'#table th button[data-column="{name}"]').click()


def test_ten_thousand_rows_can_be_sorted_before_the_charts_are_drawn(open_page, page_file) -> None:
    page = open_page(page_file, drawn=False)
    sort(page, "fid")
    page.locator('#table th[aria-sort="ascending"]').wait_for()
    assert count(page) == ROWS
    page.close()


def test_a_column_is_sorted_both_ways_and_nan_comes_last(page, frame) -> None:
    sort(page, "fid")
    ordered = frame.sort_values("fid", kind="stable")
    told = [float(text) for text in shown(page, "fid")]
    np.testing.assert_allclose(told, ordered["fid"].iloc[:100], rtol=1e-3)
    assert page.locator('#table th[aria-sort="ascending"]').text_content() == "fid ▲"
    sort(page, "fid")
    ordered = frame.sort_values("fid", kind="stable", ascending=False)
    told = [float(text) for text in shown(page, "fid")]
    np.testing.assert_allclose(told, ordered["fid"].iloc[:100], rtol=1e-3)
    assert page.locator('#table th[aria-sort="descending"]').text_content() == "fid ▼"
    search(page, "schedule.n=5 nfe<20")  # few enough to see the last
    some = frame[(frame["schedule.n"] == 5) & (frame["nfe"] < 20)]
    told = shown(page, "fid")
    assert "–" not in told[: some["fid"].notna().sum()]
    assert told[some["fid"].notna().sum() :] == ["–"] * some["fid"].isna().sum() != []


def test_focus_stays_on_the_column_that_is_sorted(page) -> None:
    sort(page, "nfe")
    assert page.evaluate("document.activeElement.dataset.column") == "nfe"
    page.keyboard.press("Enter")
    assert page.locator('#table th[aria-sort="descending"]').text_content() == "nfe ▼"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("heun", "sampler == 'heun'"),
        ("HEUN", "sampler == 'heun'"),
        ("fid<3 sampler=heun", "fid < 3 and sampler == 'heun'"),
        ("sampler!=heun nfe>=290", "sampler != 'heun' and nfe >= 290"),
        ("step_size=0.05", "step_size == 0.05"),
        ("n<=10 n>5", "n == 10"),
        ("fid=–", "fid != fid"),
        ("nothing_like_it", "nfe < 0"),
    ],
)
def test_rows_are_filtered_by_words_and_comparisons(page, frame, words, kept) -> None:
    search(page, words)
    plain = frame.rename(columns={"schedule.n": "n", "sampler.step_size": "step_size"})
    assert count(page) == len(plain.query(kept))


def test_a_filter_with_spaces_is_quoted(page) -> None:
    search(page, 'note="a b, c"')
    assert count(page) == 0
    search(page, '"b, c"')
    assert count(page) == 0  # the cells have a quote between
    search(page, "=1+1")
    assert count(page) == 1


def test_more_rows_and_all_columns_are_shown(page, frame) -> None:
    rows = page.locator("#table tbody tr")
    assert rows.count() == 100
    page.get_by_role("button", name="Show 1000 more of 9900").click()
    assert rows.count() == 1100
    columns = page.locator("#table thead th").count()
    page.get_by_label("all columns").check()
    assert page.locator("#table thead th").count() > max(columns, len(frame.columns))
    search(page, "nfe=1")
    assert rows.count() == count(page) == (frame["nfe"] == 1).sum()
    assert page.locator("#more").is_hidden()


def test_what_is_copied_is_the_table(page, frame) -> None:
    page.evaluate("navigator.clipboard.writeText = text => { window.copied = text; }")
    search(page, "sampler=heun fid>0")
    sort(page, "seconds")
    page.get_by_role("button", name="Copy as CSV").click()
    page.get_by_text("Copied").wait_for()
    copied = pd.read_csv(io.StringIO(page.evaluate("window.copied")))
    wanted = frame.query("sampler == 'heun' and fid > 0").sort_values("seconds")
    wanted = wanted.assign(note=wanted["note"].where(wanted["note"] != "")).reset_index(drop=True)
    pd.testing.assert_frame_equal(copied[list(wanted)], wanted)


def test_a_spreadsheet_runs_no_formula_of_a_copied_table(page) -> None:
    page.evaluate("navigator.clipboard.writeText = text => { window.copied = text; }")
    search(page, "=1+1")
    page.get_by_role("button", name="Copy as CSV").click()
    page.get_by_text("Copied 1 row", exact=True).wait_for()
    copied = pd.read_csv(io.StringIO(page.evaluate("window.copied")))
    assert copied["note"].tolist() == ["'=1+1"]


def test_a_browser_without_a_clipboard_still_copies(page) -> None:
    page.evaluate(
        "navigator.clipboard.writeText = () => Promise.reject();"
        "document.addEventListener('copy', () => (window.copied = getSelection().toString()));"
    )
    search(page, "nfe=1 fid>0 sampler=euler")
    page.get_by_role("button", name="Copy as CSV").click()
    page.get_by_text("Copied").wait_for()
    assert page.locator("textarea").count() == 0


def test_a_number_of_a_row_opens_its_details(page, frame) -> None:
    search(page, "nfe=3 n=10")
    page.get_by_role("button", name="Details of row 3", exact=True).click()
    terms = page.locator("dialog dt").all_text_contents()
    values = page.locator("dialog dd").all_text_contents()
    told = dict(zip(terms, values, strict=True))
    assert float(told["seconds"]) == frame["seconds"].iloc[2]
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Details of row 3"


def test_numbers_are_aligned_to_the_right_even_where_some_are_missing(page) -> None:
    sort(page, "fid")
    search(page, "fid=–")
    cells = page.locator("#table tbody td.number", has_text="–")
    assert cells.first.evaluate("e => getComputedStyle(e).textAlign") == "right"
