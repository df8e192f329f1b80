from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from scorebench.report.document import Selection, document
from scorebench.report.page.content import Content
from scorebench.report.verdicts import EQUAL, FEW, LOST

Write = Callable[..., Path]
NOISE = np.random.default_rng(0).normal(size=12)


def content_of(*paths: Path) -> Content:
    return document(paths, Selection()).content()


def repeats(sampler: str, values: Any, **more: Any) -> list[dict[str, Any]]:
    return [
        {"sampler": sampler, "repeat": i, "fid": float(v), **more} for i, v in enumerate(values)
    ]


def test_improvements_and_regressions_are_seen_first(write_results: Write) -> None:
    old = write_results(*repeats("a", NOISE), *repeats("b", NOISE), name="old")
    changed = NOISE[::-1] / 10
    new = repeats("a", NOISE - 5 + changed) + repeats("b", NOISE + 5 + changed)
    content = content_of(old, write_results(*new, name="new"))
    (group,) = content.groups
    (card,) = (card for card in group.cards if card.name.startswith("fid"))
    assert "1 improved" in card.value
    assert "1 regressed" in card.value
    assert card.tone == "bad"
    assert content.title == "new compared with old"
    assert content.charts[0].name == "differences"
    assert set(content.payload["differences"]) == {"fid"}
    assert content.again is None


def test_with_few_repeats_it_is_said_how_many_it_takes(write_results: Write) -> None:
    old, new = (
        write_results(*repeats("a", NOISE[:3] + shift), name=f"{shift}") for shift in (0, 1)
    )
    (group,) = content_of(old, new).groups
    assert group.sentences[0].endswith("with 6 there could be one.")
    assert FEW in group.cards[0].text + group.cards[0].value


def test_the_title_says_what_is_compared_and_the_subtitle_how(write_results: Write) -> None:
    old, new = (write_results(*repeats("a", NOISE), name=name) for name in ("x: y", "z: a"))
    content = content_of(old, new)
    assert content.title == "z: a compared with x: y"
    assert content.subtitle == (
        "1 configuration, mean difference ± standard error over 12 pairs of equal seed"
    )


def test_repeats_lost_are_counted_and_noticed(write_results: Write) -> None:
    old = write_results(*repeats("a", NOISE), *repeats("b", NOISE), name="old")
    new = repeats("a", NOISE - 5 + NOISE[::-1] / 10) + repeats("b", NOISE)
    content = content_of(old, write_results(*new, name="good"))
    assert content.groups[0].cards[0].tone == "good"
    new[-1] |= {"status": "diverged", "fid": None}
    content = content_of(old, write_results(*new, name="new"))
    assert content.notices == ["1 of 24 cells of new did not end ok."]
    (group,) = content.groups
    assert f"{LOST} in 1" in group.cards[0].text
    assert group.cards[0].tone == "warn"
    assert any(s.startswith("Repeats lost: some did not end ok") for s in group.sentences)


def test_copies_are_told(write_results: Write) -> None:
    old, new = (write_results(*repeats("a", [v] * 8), name=f"{v}") for v in (1, 2))
    (group,) = content_of(old, new).groups
    assert group.cards[0].value == f"{EQUAL} in 1"
    assert group.cards[0].tone == ""
    assert any(s.startswith("Repeats all equal: copies") for s in group.sentences)


def test_several_others_are_a_group_each(write_results: Write) -> None:
    paths = [write_results(*repeats("a", NOISE + i), name=f"r{i}") for i in range(3)]
    assert [g.told for g in content_of(*paths).groups] == ["r1 against r0", "r2 against r0"]


def test_what_cannot_be_compared_is_a_table_with_its_reason(write_results: Write) -> None:
    old = write_results({"sampler": "a", "fid": 1.0}, name="old")
    new = write_results({"sampler": "b", "fid": 1.0}, name="new")
    content = content_of(old, new)
    assert content.groups == []
    assert content.nothing.startswith("No configuration is in all results")
    captions = {table.caption for table in content.differences}
    assert captions == {"1 configuration only in old", "1 configuration only in new"}
    assert "differences" not in [chart.name for chart in content.charts]


def test_environments_and_partial_results_are_told(write_results: Write) -> None:
    paths = []
    for name, python in (("old", "3.11"), ("new", "3.12")):
        rows = repeats("a", NOISE[:2], environment="ab")
        paths.append(write_results(*rows, name=name, unfinished=1))
        (paths[-1] / "environments").mkdir()
        told = json.dumps({"python": python})
        (paths[-1] / "environments" / "ab.json").write_text(told)
    content = content_of(*paths)
    assert content.surroundings[0].caption == "What differs between the environments"
    cells = [list(column.cells) for column in content.surroundings[0].grid.columns]
    assert cells == [["python"], ["3.11"], ["3.12"]]
    assert len(content.notices) == 2


def test_results_without_rows_are_compared_with_nothing(write_results: Write) -> None:
    full, empty = write_results({"fid": 1.0}, name="full"), write_results(unfinished=1, name="none")
    for paths in ((full, empty), (empty, full)):
        content = content_of(*paths)
        assert content.groups == []
        assert content.payload["rows"]["length"] == 1
    other = write_results(unfinished=1, name="other")
    assert content_of(empty, other).payload == {}


def test_constants_are_those_of_all_rows(write_results: Write) -> None:
    old = write_results({"sampler.n": 1, "fid": 1.0}, name="old")
    new = write_results({"sampler.n": 1, "fid": 1.0}, {"sampler.n": 2, "fid": 1.0}, name="new")
    constants = content_of(old, new).constants
    assert "sampler.n" not in constants
    assert "schedule karras" in constants
