"""Metrics of copying as components: which data they take for the training set, in a suite too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scorebench
from scorebench import Context, Evidence, UserError
from scorebench.metrics import authenticity, ct_score

TRAIN = {"name": "digits", "split": "train"}
TEST = {"name": "digits", "split": "test"}


def side(seed: int, count: int = 100, **others: Evidence) -> Evidence:
    vectors = np.random.default_rng(seed).normal(size=(count, 2))
    return Evidence(count, vectors=vectors, others=others)


def measure(name: str, reference: Evidence, generated: Evidence, **given: Any) -> dict[str, float]:
    metric = scorebench.build("metric", name, **given)
    assert set(metric.datasets) == set(reference.others)
    return dict(metric.compute(metric.prepare(reference, Context()), generated))


def test_authenticity_takes_the_reference_for_the_training_set_unless_told() -> None:
    real, train, fake = side(0), side(1), side(2)
    share = authenticity(real.vectors, fake.vectors)
    assert measure("authenticity", real, fake) == {"authenticity": share}
    assert measure("authenticity", real, real) == {"authenticity": 0}
    both = side(0, train=train)
    share = authenticity(train.vectors, fake.vectors)
    assert measure("authenticity", both, fake, train=TRAIN) == {"authenticity": share}
    assert measure("authenticity", both, train, train=TRAIN) == {"authenticity": 0}
    assert measure("authenticity", both, real, train=TRAIN)["authenticity"] > 0


def test_the_training_sets_own_distances_are_computed_once() -> None:
    metric = scorebench.build("metric", "authenticity")
    real, fake = side(0), side(2)
    state = metric.prepare(real, Context())
    assert state["train"] is real.vectors  # so that it needn't be stored
    nothing = {**state, "spacing": np.full(100, np.inf)}
    assert metric.compute(nothing, fake) == {"authenticity": 0}


def test_c_t_of_a_dataset_against_itself_is_refused() -> None:
    metric = scorebench.build("metric", "ct_score", held_out=TEST)
    with pytest.raises(UserError, match=r"^train and held_out are the same data, one of them"):
        metric.prepare(side(0, held_out=side(0)), Context())


def test_c_t_takes_the_reference_for_what_is_not_given() -> None:
    first, second, third, fake = side(0), side(1), side(2), side(3)
    expected = ct_score(first.vectors, second.vectors, fake.vectors, cells=2, fewest=5, seed=1)
    given = {"cells": 2, "fewest": 5, "seed": 1}
    for reference, names in (
        (side(0, held_out=second), {"held_out": TEST}),
        (side(1, train=first), {"train": TRAIN}),
        (side(2, train=first, held_out=second), {"train": TRAIN, "held_out": TEST}),
    ):
        assert measure("ct_score", reference, fake, **given, **names) == {"ct_score": expected}
    assert expected != ct_score(third.vectors, second.vectors, fake.vectors, 2, 5, 1)


@pytest.mark.parametrize("given", [{}, {"train": TRAIN, "held_out": TRAIN}])
def test_training_and_held_out_data_must_differ(given: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="train and held_out must be different data: name one"):
        scorebench.build("metric", "ct_score", **given)


def test_declarations() -> None:
    c_t = scorebench.build("metric", "ct_score", train=TRAIN, cells=4, fewest=10)
    assert c_t.minimum_samples == 37  # in 4 cells, one of them has 10
    assert c_t.better == {}
    assert scorebench.build("metric", "authenticity").better == {"authenticity": "higher"}
    for given in ({"cells": 0}, {"fewest": 0}, {"seed": -1}):
        with pytest.raises(UserError, match="expected int ≥"):
            scorebench.build("metric", "ct_score", train=TRAIN, **given)


def test_a_suite_finds_out_the_model_that_copies(
    small_suite: dict[str, Any], write_suite: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    small_suite |= {"dataset": TEST, "reference": "dataset", "samples": 150}
    small_suite["metrics"] = [
        {"name": "authenticity", "train": TRAIN},
        {"name": "ct_score", "train": TRAIN},
        "vendi",
    ]
    small_suite["sweep"][0] = {
        "model": [{"name": "empirical", "dataset": TRAIN}, {"name": "empirical", "dataset": TEST}],
        "schedule": {"name": "karras", "n": 6, "sigma_max": 10, "sigma_min": 0.05},
        "sampler": "heun",
    }
    table = scorebench.run(write_suite(small_suite), results=tmp_path / "results", device="cpu")
    assert set(table["status"]) == {"ok"}
    copies, others = (table[table["model.dataset"].str.contains(s)] for s in ("train", "test"))
    assert copies["authenticity"].item() < 0.1 < 0.3 < others["authenticity"].item()
    assert copies["ct_score"].item() < -5
    assert abs(others["ct_score"].item()) < 4
    assert (table["vendi"] > 1).all()
