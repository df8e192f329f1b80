from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scorebench.report.results import Results, read
from scorebench.report.surroundings import differing, environments

Make = Callable[..., Results]

ENVIRONMENT = {
    "python": "3.11.7",
    "platform": "Linux",
    "packages": {"scorebench": "0.1.0", "torch": "2.14.1", "pandas": None},
    "device": "cpu (x86_64)",
    "threads": 2,
    "git": {"revision": "0123456789abcdef", "dirty": False},
}


@pytest.fixture
def make(write_results: Callable[..., Path]) -> Make:
    """Results with a row for each digest, and these environment files."""

    def make(name: str, digests: list[Any], files: dict[str, Any]) -> Results:
        rows = [{"repeat": i, "fid": 1.0, "environment": d} for i, d in enumerate(digests)]
        folder = write_results(*rows, name=name)
        (folder / "environments").mkdir()
        for digest, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / "environments" / f"{digest}.json").write_text(text)
        (results,) = read([folder])
        return replace(results, name=name)

    return make


def test_an_environment_as_texts(make: Make) -> None:
    results = make("a", ["ab", "ab"], {"ab": ENVIRONMENT, "cd": ENVIRONMENT})
    assert environments(results) == {
        "ab": {
            "python": "3.11.7",
            "platform": "Linux",
            "packages.scorebench": "0.1.0",
            "packages.torch": "2.14.1",
            "device": "cpu (x86_64)",
            "threads": "2",
            "git.revision": "0123456789",
            "git.dirty": "false",
        }
    }


@pytest.mark.parametrize(
    "content",
    ["", "{", "[1]", "null", "{}", '"text"', "[" * 100_000, '{"python": null, "git": null}'],
)
def test_what_cannot_be_read_is_left_out(make: Make, content: str) -> None:
    assert environments(make("a", ["ab"], {"ab": content})) == {}


@pytest.mark.parametrize("digest", ["../secret", "/etc/passwd", "AB", "", "a b", "ab\n", "é"])
def test_a_digest_names_no_other_file(make: Make, digest: str) -> None:
    results = make("a", [digest], {})
    assert results.folder is not None
    for path in (results.folder / "secret.json", results.folder / "environments" / "AB.json"):
        path.write_text(json.dumps(ENVIRONMENT))
    assert environments(results) == {}


def test_missing_and_long_digests(make: Make) -> None:
    assert environments(make("a", [None, "abc", "f" * 5000], {})) == {}


def test_hostile_content_is_made_printable(make: Make) -> None:
    content = {"python\x1b[2J": "3\n\x1b]0;", "packages": {"a": [1], "b": {"c": 1}, "d": "\ud800"}}
    (told,) = environments(make("a", ["ab"], {"ab": content})).values()
    assert told == {r"python\x1b[2J": r"3\n\x1b]0;", "packages.d": r"\ud800"}


def test_a_table_made_elsewhere_has_none(make: Make) -> None:
    results = make("a", ["ab"], {"ab": ENVIRONMENT})
    assert environments(replace(results, folder=None)) == {}


def test_equal_environments_do_not_differ(make: Make) -> None:
    results = [
        make(name, [digest], {digest: ENVIRONMENT}) for name, digest in (("a", "1"), ("b", "2"))
    ]
    assert differing(results) == []


def test_versions_come_first(make: Make) -> None:
    other = {
        **ENVIRONMENT,
        "device": "cuda (NVIDIA H100)",
        "python": "3.12.1",
        "packages": {"torch": "2.13.0", "scorebench": "0.2.0", "numpy": "2.4.6"},
        "git": {"revision": "f" * 40, "dirty": False},
    }
    old, new = make("old", ["ab"], {"ab": ENVIRONMENT}), make("new", ["ab"], {"ab": other})
    assert differing([old, new]) == [
        ("packages.scorebench", {"old": "0.1.0", "new": "0.2.0"}),
        ("git.revision", {"old": "0123456789", "new": "ffffffffff"}),
        ("python", {"old": "3.11.7", "new": "3.12.1"}),
        ("packages.torch", {"old": "2.14.1", "new": "2.13.0"}),
        ("packages.numpy", {"old": "–", "new": "2.4.6"}),
        ("device", {"old": "cpu (x86_64)", "new": "cuda (NVIDIA H100)"}),
    ]


def test_rows_of_one_may_differ(make: Make) -> None:
    files = {
        "1": {"python": "3.11"},
        "2": {"python": "3.12"},
        "3": {"python": "3.11", "threads": 2},
    }
    old, new = make("old", ["1"], files), make("new", ["1", "2", "3"], files)
    assert differing([old, new]) == [
        ("python", {"old": "3.11", "new": "3.11, 3.12"}),
        ("threads", {"old": "–", "new": "–, 2"}),
    ]


def test_where_nothing_is_known_nothing_differs(make: Make) -> None:
    known = make("a", ["ab"], {"ab": ENVIRONMENT})
    unknown = make("b", [None], {})
    assert differing([known, unknown]) == []
    other = make("c", ["ab"], {"ab": {**ENVIRONMENT, "threads": 4}})
    assert differing([known, unknown, other]) == [("threads", {"a": "2", "b": "–", "c": "4"})]


def test_links_never_lead_out_of_the_directory(make: Make, tmp_path: Path) -> None:
    results = make("a", ["ab"], {"ab": ENVIRONMENT})
    assert results.folder is not None
    (results.folder / "environments").rename(tmp_path / "elsewhere")
    (results.folder / "environments").symlink_to(tmp_path / "elsewhere")
    assert environments(results) == {}
