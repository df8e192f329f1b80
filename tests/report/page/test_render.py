from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from scorebench.report.document import Selection, document
from scorebench.report.page.render import render
from tests.conftest import Python

Write = Callable[..., Path]
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    '"\' onload="alert(1)',
    "<!--<script>",
    "\u2028\u2029\ud800\x1b[31m",
    "x" * 300,
]


def page(*paths: Path, refresh: int | None = None) -> str:
    return render(document(paths, Selection()).content(), refresh)


class Parsed(HTMLParser):
    """Elements, by tag, with the text that is directly in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open = tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open, data))

    def data(self) -> Any:
        (text,) = (t for tag, t in self.texts if tag == "script" and t.startswith("{"))
        return json.loads(text)


def test_the_page_is_whole_and_its_sections_are_in_its_navigation(write_results: Write) -> None:
    rows = [
        {"sampler.n": n, "schedule.n": m, "fid": 1.0, "recall": 0.5} for n in (1, 2) for m in (1, 2)
    ]
    parsed = Parsed(page(write_results(*rows)))
    links = [a["href"] for tag, a in parsed.elements if tag == "a" and a.get("class") != "skip"]
    sections = [f"#{a['id']}" for tag, a in parsed.elements if tag == "section"]
    expected = ["finding", "quality", "parameters", "rows", "failures", "provenance"]
    assert links == sections == [f"#{name}" for name in expected]
    ids = [a["id"] for _, a in parsed.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert parsed.data()["rows"]["length"] == 4
    assert parsed.data()["refresh"] is None


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_names_and_errors_stay_text(write_results: Write, text: str) -> None:
    told = text.encode("utf-8", "backslashreplace").decode()
    rows: list[dict[str, Any]] = [
        {"sampler": text, "schedule": text, "sampler.n": i, "fid": float(i)} for i in (1, 2)
    ]
    rows += [{"sampler": "b", "status": "failed", "error": text, "traceback": text}]
    rows += [{"sampler": "c", "fid": 1.0, told: 3.0, f"sampler.{told}": text}]
    suite = f"name: x\nmetrics: [{json.dumps(text)}]\n"
    plain = Parsed(page(write_results(*({**row, "sampler": "a"} for row in rows), name="plain")))
    made = page(write_results(*rows, suite=suite, better={"fid": "lower", told: "higher"}))
    made.encode()
    parsed = Parsed(made)
    assert {tag for tag, _ in parsed.elements} == {tag for tag, _ in plain.elements}
    assert [tag for tag, _ in parsed.elements].count("script") == [
        tag for tag, _ in plain.elements
    ].count("script")
    assert not [a for _, a in parsed.elements if {"onload", "onerror"} & set(a)]
    assert "49" not in [t for tag, t in parsed.texts if tag != "script"]
    assert parsed.data()["rows"]["length"] == 4
    assert not re.search(
        r"[\x00-\x08\x0b-\x1f\x7f]", made.partition("<body>")[2].partition("<script")[0]
    )


def test_nothing_is_loaded_from_anywhere(write_results: Write) -> None:
    made = page(write_results({"sampler": "a", "fid": 1.0}, {"sampler": "b", "fid": 2.0}))
    parsed = Parsed(made)
    for tag, attributes in parsed.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "action", "data", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    for tag, text in parsed.texts:
        if tag == "style":
            assert not re.search(r"@import|url\(|https?:", text)
        elif tag == "script":
            assert not re.search(r"""\bimport\s*[("'{*]|\bfrom\s*["']https?:""", text)
    (policy,) = (a["content"] for _, a in parsed.elements if "http-equiv" in a)
    assert (policy or "").startswith("default-src 'none';")


def test_scripts_end_where_they_should(write_results: Write) -> None:
    made = page(write_results({"fid": 1.0}))
    assert (
        made.count("<script") == made.count("</script>") == len(re.findall("</script", made, re.I))
    )
    assert "<!--" not in made


def test_results_without_rows_have_a_page_without_charts(write_results: Write) -> None:
    for folder in (write_results(name="a"), write_results(unfinished=3, name="b")):
        made = page(folder)
        assert len(made) < 100_000
        assert "yet." in made or "The table has no rows." in made


def test_only_failures(write_results: Write) -> None:
    failed = {"status": "failed", "error": "no such thing", "nfe": 0, "traceback": "Traceback (…)"}
    made = page(write_results(failed, {**failed, "sampler": "b"}))
    assert "2 of 2 finished cells did not end ok: 2 failed." in made
    assert "no such thing" in made
    assert "Traceback (…)" in made


def test_where_the_command_is_given_is_said_if_known(write_results: Write) -> None:
    known = {"arguments": ["x.yaml"], "started_in": "../<..>"}
    made = page(write_results({"fid": 1.0}, plan=known))
    assert "if given in <code>../&lt;..&gt;</code> as seen from the results directory." in made
    assert "if given in" not in page(write_results({"fid": 1.0}, name="other"))


def test_a_page_of_results_that_are_watched_loads_itself_again(write_results: Write) -> None:
    assert Parsed(page(write_results({"fid": 1.0}), refresh=5)).data()["refresh"] == 5


def test_a_comparison_has_its_differences(write_results: Write) -> None:
    old, new = (write_results({"fid": fid}, name=f"{fid}") for fid in (1.0, 2.0))
    parsed = Parsed(page(old, new))
    sections = [a["id"] for tag, a in parsed.elements if tag == "section"]
    assert sections == [
        "finding", "intervals", "quality", "differences", "rows", "failures", "provenance",
    ]  # fmt: skip


def test_a_typical_page_is_small(write_results: Write) -> None:
    rows = [
        {
            "sampler": f"s{i % 5}",
            "schedule.n": i % 4,
            "repeat": r,
            "fid": 1 / (i + 1) + r,
            **{f"metric{m}": i / 7 + r for m in range(8)},
        }
        for i in range(20)
        for r in range(5)
    ]
    assert len(page(write_results(*rows)).encode()) < 4_000_000


def test_a_page_is_made_without_torch(write_results: Write, python: Python) -> None:
    folder = write_results({"sampler": "a", "fid": 1.0}, {"sampler": "b", "fid": 2.0})
    code = (
        "import sys; from pathlib import Path\n"
        "from scorebench.report.document import Selection, document\n"
        "from scorebench.report.page.render import render\n"
        f"made = document([Path({str(folder)!r})], Selection())\n"
        "render(made.content()); made.figure('pareto', [])\n"
        "print('torch' in sys.modules)"
    )
    assert python("-c", code).stdout.strip() == "False"
