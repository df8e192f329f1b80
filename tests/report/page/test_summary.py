from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scorebench.report.document import Selection, document
from scorebench.report.page.content import Card, Content

Write = Callable[..., Path]


def content_of(*paths: Path, **selected: Any) -> Content:
    return document(paths, Selection(**selected)).content()


def repeats(sampler: str, values: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"sampler": sampler, "repeat": i, "fid": v, **more} for i, v in enumerate(values)]


def card(content: Content) -> Card:
    return content.groups[0].cards[0]


NOISE = np.random.default_rng(0).normal(size=10)


def test_the_best_is_a_card_for_every_metric(write_results: Write) -> None:
    content = content_of(
        write_results(
            {"sampler": "a", "fid": 1.5, "recall": 0.25}, {"sampler": "b", "fid": 2, "recall": 0.5}
        )
    )
    told = [(c.name, c.value, c.text) for c in content.groups[0].cards]
    assert told == [("best fid ↓", "1.500", "a"), ("best recall ↑", "0.5000", "b")]
    assert content.subtitle == "2 configurations · 2 rows"
    assert content.title == "results"


@pytest.mark.parametrize(
    ("shift", "number", "note"),
    [
        (100.0, 10, "Shown to be better than the other."),
        (0.0, 10, "1 of 1 other may be as good."),
        (100.0, 3, "3 repeats: 95% interval -0.13 to 0.64, too short with so few. "),
        (100.0, 3, "To tell it from 1 other takes 6 repeats."),
        (100.0, 1, "1 repeat. To tell it from 1 other takes 6 repeats."),
    ],
)
def test_how_sure_that_is(write_results: Write, shift: float, number: int, note: str) -> None:
    values = NOISE[:number]
    rows = [*repeats("a", values), *repeats("b", values + shift - (values if not shift else 0))]
    content = content_of(write_results(*rows))
    assert note in card(content).note
    assert ("too short" in card(content).note) == (1 < number < 6)


def test_repeats_lost_are_counted_and_prove_nothing(write_results: Write) -> None:
    rows = [*repeats("a", NOISE), *repeats("b", NOISE + 100)]
    rows[0] |= {"status": "diverged", "fid": None}
    note = card(content_of(write_results(*rows))).note
    assert note.startswith("9 of 10 repeats ended ok: 95% interval")
    assert note.endswith("With repeats lost, it can't be told from 1 other.")


def test_what_lost_repeats_may_be_as_good(write_results: Write) -> None:
    rows = [*repeats("a", NOISE), *repeats("b", NOISE + 100), *repeats("c", NOISE + 100)]
    rows[-1] |= {"fid": math.nan}
    assert card(content_of(write_results(*rows))).note.endswith("1 of 2 others may be as good.")


def test_copies_have_no_interval(write_results: Write) -> None:
    rows = [*repeats("a", [1.0] * 10), *repeats("b", [2.0] * 10)]
    note = card(content_of(write_results(*rows))).note
    assert note == "10 repeats, all equal. 1 of 1 other may be as good."


def test_without_seeds_it_is_said_that_it_takes_them(tmp_path: Path) -> None:
    lines = [f"{name},{fid + shift}" for name, shift in (("a", 0), ("b", 9)) for fid in NOISE]
    (tmp_path / "table.csv").write_text("\n".join(["sampler,fid", *lines]))
    note = card(content_of(tmp_path / "table.csv")).note
    assert note.startswith("10 repeats: 95% interval")
    assert note.endswith("To tell it from 1 other takes seeds to pair repeats by.")


def test_a_lone_configuration_is_compared_with_nothing(write_results: Write) -> None:
    assert card(content_of(write_results({"fid": 1.0}))).note == "1 repeat."


def test_the_share_that_is_left(write_results: Write) -> None:
    rows = repeats("a", NOISE) + repeats("b", NOISE + 100) + repeats("c", -NOISE + 0.5)
    assert card(content_of(write_results(*rows))).note.endswith("1 of 2 others may be as good.")
    rows = repeats("a", NOISE) + repeats("b", NOISE + 100) + repeats("c", NOISE + 50)
    assert card(content_of(write_results(*rows))).note.endswith("better than each other.")


def test_failures_are_counted_by_how_they_ended(write_results: Write) -> None:
    content = content_of(
        write_results(
            {"sampler": "a", "fid": 1.0},
            {"sampler": "b", "status": "diverged", "error": "at step 1"},
            {"sampler": "c", "status": "diverged", "error": "at step 2"},
            {"sampler": "d", "status": "failed", "error": "no"},
        )
    )
    (sentence,) = content.groups[0].sentences
    assert sentence.startswith("3 of 4 finished cells did not end ok: 2 diverged, 1 failed.")
    assert content.subtitle == "4 configurations · 4 rows · 3 not ok"
    assert content.ended == "3 of 4 finished cells did not end ok."
    assert len(content.troubles) == 3


def test_the_pareto_set_comes_before_the_ranking(write_results: Write) -> None:
    rows = [("a", 100, 1.0), ("b", 10, 2.0), ("c", 20, 3.0)]
    content = content_of(write_results(*({"sampler": s, "nfe": n, "fid": f} for s, n, f in rows)))
    front, ranked = content.groups[0].tables
    assert front.caption.startswith("Pareto set of fid against NFE")
    assert [list(c.cells) for c in front.grid.columns if c.name == "sampler"] == [["a", "b"]]
    assert "#" not in [c.name for c in front.grid.columns]
    assert [list(c.cells) for c in ranked.grid.columns if c.name == "#"] == [["1", "2", "3"]]


def test_what_a_long_ranking_leaves_out_is_said(write_results: Write) -> None:
    rows = [{"sampler.n": i, "fid": float(i)} for i in range(25)]
    (ranked,) = content_of(write_results(*rows)).groups[0].tables
    assert ranked.left_out.startswith("5 more")
    assert len(ranked.grid.columns[0].cells) == 20


def test_partial_results_are_said_first(write_results: Write) -> None:
    content = content_of(write_results({"fid": 1.0}, unfinished=3))
    assert "Partial results: 1 of 4 cells have finished." in content.notices[0]


def test_an_empty_directory_says_that_nothing_has_finished(write_results: Write) -> None:
    content = content_of(write_results(unfinished=2))
    assert content.nothing == "None of the 2 cells has finished yet."
    assert (content.groups, content.charts, content.payload) == ([], [], {})
    assert content.again is None


def test_a_table_without_values_has_no_findings(write_results: Write) -> None:
    content = content_of(write_results({"fid": math.nan}, {"sampler": "b", "fid": math.nan}))
    assert content.groups[0].cards == []
    assert len(content.groups[0].tables) == 1


def test_parts_that_cannot_be_compared_are_groups(write_results: Write) -> None:
    folder = write_results(
        {"sampler": "a", "schedule.n": 1, "fid": 1.0, "samples": 100},
        {"sampler": "a", "schedule.n": 2, "fid": 2.0, "samples": 200},
    )
    content = content_of(folder)
    assert [group.told for group in content.groups] == ["samples 100", "samples 200"]
    assert content.notices[0].startswith("2 rankings, because metrics can't be compared")
    assert "schedule.n" not in content.constants, "the parts differ in it"
    assert "sampler a" in content.constants
