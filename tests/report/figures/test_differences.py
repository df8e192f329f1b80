from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scorebench.report.comparison import Comparison, compare
from scorebench.report.figures.differences import (
    LOOKS,
    MOST,
    UNTESTED,
    difference_points,
    differences,
)
from scorebench.report.results import read
from scorebench.report.verdicts import (
    EQUAL,
    FEW,
    IMPROVED,
    LOST,
    REGRESSED,
    UNCHANGED,
    UNSHOWN,
    VERDICTS,
)

NOISE = np.random.default_rng(0).normal(size=12)
SHIFTS = {"better": -5.0, "worse": 5.0, "same": 0.0}


@pytest.fixture
def comparison(write_results: Callable[..., Path]) -> Callable[..., Comparison]:
    """Results with a configuration for every verdict, and as many others as names."""

    def make(*names: str) -> Comparison:
        old, new = [], []
        for i, noise in enumerate(NOISE):
            for sampler, shift in SHIFTS.items():
                old.append({"sampler": sampler, "repeat": i, "fid": noise})
                own = noise + shift + (0.1 * NOISE[::-1][i] if shift else 0)
                new.append({"sampler": sampler, "repeat": i, "fid": own})
            old.append({"sampler": "unclear", "repeat": i, "fid": noise})
            new.append({"sampler": "unclear", "repeat": i, "fid": noise + NOISE[i - 1]})
            copies = {"sampler": "copies", "repeat": i}
            old.append({**copies, "fid": 1.0})
            new.append({**copies, "fid": 2.0})
            survivor = {"sampler": "lossy", "repeat": i, "fid": noise}
            old.append(survivor)
            new.append({**survivor, "status": "diverged"} if i == 3 else survivor)
            if i < 3:
                old.append({"sampler": "few", "repeat": i, "fid": noise})
                new.append({"sampler": "few", "repeat": i, "fid": noise + 1})
        paths = [write_results(*old, name="old")]
        paths += [write_results(*new, name=name) for name in names]
        return compare(read(paths))

    return make


def test_every_verdict_has_a_look_of_its_own() -> None:
    assert set(LOOKS) == {*VERDICTS, UNTESTED}
    assert len({shape for _, shape in LOOKS.values()}) == len(LOOKS)


def test_points_are_what_the_comparison_says(comparison: Callable[..., Comparison]) -> None:
    made = comparison("new")
    found = difference_points(made, "fid").set_index("label")
    assert found["verdict"].to_dict() == {
        "better": IMPROVED,
        "worse": REGRESSED,
        "same": UNCHANGED,
        "unclear": UNSHOWN,
        "few": FEW,
        "lossy": LOST,
        "copies": EQUAL,
    }
    assert set(found["other"]) == {"new"}
    pairs = {"few": 3, "lossy": 11}
    assert found["pairs"].to_dict() == {name: pairs.get(name, 12) for name in found.index}
    assert found["difference"].tolist() == made.differences["new", "fid"].tolist()
    assert (found["low"] <= found["difference"]).all()
    assert (found["difference"] <= found["high"]).all()


def test_several_others_are_told_apart(comparison: Callable[..., Comparison]) -> None:
    found = difference_points(comparison("new", "newer"), "fid")
    assert len(found) == 14
    assert {"new: better", "newer: better"} <= set(found["label"])


def test_a_metric_without_values_has_no_points(write_results: Callable[..., Path]) -> None:
    rows = [{"fid": 1.0, "recall": None, "kid": 1.0}]
    paths = [write_results(*rows, name=name) for name in ("old", "new")]
    assert len(difference_points(compare(read(paths)), "recall")) == 0


def test_marks_intervals_and_zero_are_drawn(
    comparison: Callable[..., Comparison], drawn: Callable[[Any], Any]
) -> None:
    made = comparison("new")
    drawing = drawn(differences(difference_points(made, "fid"), made, "fid"))
    marks = drawing.marks("point")
    assert len(marks) == 7
    assert len({(mark["fill"], mark["d"]) for mark in marks}) == 7
    for mark in marks:
        (verdict,) = (v for v in VERDICTS if f"verdict: {v}" in mark["aria-label"])
        assert mark["fill"].lower() == LOOKS[verdict][0].lower()
    names = {"better", "worse", "same", "unclear", "few", "lossy", "copies"}
    assert names | set(VERDICTS) <= set(drawing.texts)
    assert "difference in fid (lower is better)" in drawing.texts
    assert len(drawing.marks("rule mark")) == 7
    zero = [e for e in drawing.elements if "mark-rule role-mark layer_0" in e["parent"]]
    assert len(zero) == 1


def test_costs_look_like_no_verdict(
    write_results: Callable[..., Path], drawn: Callable[[Any], Any]
) -> None:
    paths = [write_results({"fid": 1.0, "nfe": n}, name=f"{n}") for n in (10, 20)]
    made = compare(read(paths))
    drawing = drawn(differences(difference_points(made, "nfe"), made, "nfe"))
    (mark,) = drawing.marks("point")
    assert mark["fill"].lower() == LOOKS[UNTESTED][0].lower()
    assert UNTESTED in drawing.texts
    assert not set(VERDICTS) & set(drawing.texts)


def test_of_many_those_that_differ_are_shown_before_others(
    write_results: Callable[..., Path],
) -> None:
    number, last = MOST + 20, MOST + 19
    paths = [
        write_results(
            *(
                {"sampler.n": i, "repeat": s, "fid": i + 9.0 * (new and i == last) + s / 10 * i}
                for i in range(number)
                for s in range(14 if i == last else 1)
            ),
            name=f"results{new}",
        )
        for new in (False, True)
    ]
    found = difference_points(compare(read(paths)), "fid")
    told = [f"sampler.n {i}" for i in (*range(MOST - 1), last)]
    assert found["label"].tolist() == told
    assert found["verdict"].tolist()[-1] == REGRESSED
