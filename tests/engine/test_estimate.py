"""The time left, of sweeps whose true costs are known."""

from __future__ import annotations

import heapq
import itertools
import random
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scorebench.engine.estimate import Forecast, duration, evaluations, seconds_left
from scorebench.running.plan import make_plan
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite

Plan = dict[str, Any]
Records = dict[str, dict[str, Any]]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.2, "1 s"),
        (45, "45 s"),
        (59.7, "1 min 0 s"),
        (80, "1 min 20 s"),
        (4830, "1 h 20 min"),
        (86399.7, "1 d 0 h"),
        (273600, "3 d 4 h"),
    ],
)
def test_durations_are_told_as_people_do(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_evaluations_are_those_foreseen(
    small_suite: dict[str, Any], write_suite: Callable[..., Path]
) -> None:
    bench = Workbench(load_suite(write_suite(small_suite)), torch.device("cpu"))
    assert evaluations(make_plan(bench).cells) == 3 + 5 + 5 + 9


def cell(
    name: str, nfe: int | None, *, model: str = "m", sampler: str = "s", walk: str | None = None
) -> dict[str, Any]:
    columns = {"model": model, "sampler": sampler, "sampler.n": nfe}
    return {"fingerprint": name, "repeat": 0, "columns": columns, "nfe": nfe, "walk": walk}


def record(
    sampling: float, besides: float, *, nfe: float = 0, status: str = "ok"
) -> dict[str, Any]:
    row = {"status": status, "seconds": sampling + besides, "seconds_sampling": sampling}
    return {"row": {**row, "nfe": nfe} if nfe else row}


def test_nothing_is_known_before_a_cell_has_ended_ok_and_nothing_left_after_all() -> None:
    plan = {"cells": [cell("a", 10), cell("b", 10)]}
    failed = record(1, 0, status="failed")
    assert seconds_left(plan, {}, workers=1) is None
    assert seconds_left(plan, {"a": failed}, workers=1) is None
    assert seconds_left(plan, {"a": failed, "b": failed}, workers=1) == 0
    assert seconds_left(plan, {"a": record(1, 0)}, workers=1) is not None


def test_sampling_costs_by_the_evaluation_and_all_else_by_the_cell() -> None:
    plan = {"cells": [cell("a", 10), cell("b", 1000), cell("c", 5)]}
    assert seconds_left(plan, {"a": record(20, 3)}, workers=1) == pytest.approx(2 * 1005 + 2 * 3)


def test_a_model_costs_what_it_has_cost_and_an_unknown_one_what_others_have() -> None:
    known = [cell("a", 10, model="small"), cell("b", 10, model="large")]
    records = {"a": record(1, 0), "b": record(100, 0)}
    for model, expected in (("small", 0.1), ("large", 10), ("new", 101 / 20)):
        plan = {"cells": [*known, cell("c", 1, model=model)]}
        assert seconds_left(plan, records, workers=1) == pytest.approx(expected)


def test_a_sampler_costs_what_it_has_cost_with_this_model() -> None:
    known = [cell("a", 10, sampler="plain"), cell("b", 10, sampler="careful")]
    records = {"a": record(1, 0), "b": record(3, 0)}
    for sampler, expected in (("plain", 0.1), ("careful", 0.3), ("new", 0.2)):
        plan = {"cells": [*known, cell("c", 1, sampler=sampler)]}
        assert seconds_left(plan, records, workers=1) == pytest.approx(expected)


def test_a_walk_costs_what_its_longest_cell_does() -> None:
    shared = [cell(str(n), n, walk="w") for n in (10, 20, 30)]
    plan = {"cells": [cell("a", 10), *shared]}
    assert seconds_left(plan, {"a": record(10, 2)}, workers=1) == pytest.approx(30 + 3 * 2)


def test_work_is_shared_but_no_walk_is() -> None:
    plan = {"cells": [cell("a", 10), *(cell(str(i), 10) for i in range(8))]}
    assert seconds_left(plan, {"a": record(10, 2)}, workers=4) == pytest.approx(2 * 12)
    plan["cells"].append(cell("long", 100))
    assert seconds_left(plan, {"a": record(10, 2)}, workers=4) == pytest.approx(102)


def test_a_slow_start_of_one_cell_is_not_expected_of_the_others() -> None:
    plan = {"cells": [cell(str(i), 10) for i in range(20)]}
    records = {str(i): record(1, 1 if i else 500) for i in range(4)}
    assert seconds_left(plan, records, workers=1) == pytest.approx(16 * 2)


def test_as_many_are_expected_to_fail_early_as_have() -> None:
    plan = {"cells": [cell(str(i), 10) for i in range(8)]}
    ok, failed = record(10, 2), record(0, 0, status="diverged")
    records = {"0": ok, "1": failed, "2": ok, "3": failed}
    assert seconds_left(plan, records, workers=1) == pytest.approx(4 * 6)


def test_evaluations_that_were_not_foreseen_are_those_of_others_alike() -> None:
    cells = [cell(name, None, sampler=s) for name, s in zip("abcd", "xyxz", strict=True)]
    records = {"a": record(10, 0, nfe=100), "b": record(30, 0, nfe=300)}
    alike, other = 100, 200  # the mean of all, of a sampler that wasn't seen yet
    expected = alike * 0.1 + other * 0.1
    assert seconds_left({"cells": cells}, records, workers=1) == pytest.approx(expected)
    for old in cells:  # a plan of an earlier version
        del old["nfe"], old["walk"]
    assert seconds_left({"cells": cells}, records, workers=1) == pytest.approx(expected)


def test_a_forecast_is_silent_until_something_is_known_and_follows_what_ends() -> None:
    plan = {"cells": [cell("a", 10), cell("b", 360)]}
    records: Records = {}
    forecast = Forecast(plan, records, workers=1)
    assert forecast.told() == ""
    records["a"] = record(100, 0)
    while not (told := forecast.told()):
        time.sleep(0.01)
    assert re.fullmatch(r"about (1 h 0|59|58) min( \d+ s)? left", told)


odd_rows = st.fixed_dictionaries(
    {"status": st.sampled_from(["ok", "failed", "crashed"])},
    optional={n: st.floats(0, 1e6) for n in ("nfe", "seconds", "seconds_sampling")},
)
odd_cells = st.fixed_dictionaries(
    {
        "fingerprint": st.uuids().map(str),
        "columns": st.dictionaries(
            st.sampled_from(["model", "sampler", "model.x"]), st.integers() | st.just(["y"])
        ),
    },
    optional={"nfe": st.none() | st.integers(0, 99), "walk": st.sampled_from([None, "w", "v"])},
)


@given(st.lists(st.tuples(odd_cells, st.none() | odd_rows), max_size=6), st.integers(1, 4))
def test_whatever_rows_lack_the_time_is_a_number_or_unknown(
    ended: list[tuple[dict[str, Any], dict[str, Any] | None]], workers: int
) -> None:
    plan = {"cells": [c for c, _ in ended]}
    records = {c["fingerprint"]: {"row": row} for c, row in ended if row is not None}
    left = seconds_left(plan, records, workers=workers)
    assert (
        left is None or left >= 0 or any(r["row"].get("seconds", 0) < 1e6 for r in records.values())
    )


def sweep(rng: random.Random) -> tuple[Plan, Mapping[str, tuple[float, float]]]:
    """A plan of unequal cells, and the true seconds of sampling and all else of each."""
    models = {"quick": rng.uniform(1e-3, 1e-2), "costly": rng.uniform(0.1, 1)}
    samplers = {"plain": 1.0, "careful": rng.uniform(1, 3)}
    besides = rng.choice([0.1, 1.0, 30.0])
    cells, costs = [], {}
    for repeat, model, sampler, steps in itertools.product(
        range(rng.randint(1, 4)), models, samplers, (5, 10, 20, 50, 100, 200, 500, 1000)
    ):
        for extra in (0, 1):  # final denoising: the same walk, and one evaluation more
            name = f"{repeat}-{model}-{sampler}-{steps}-{extra}"
            walk = f"{repeat}-{model}-{sampler}-{steps}" if sampler == "plain" else None
            cells.append(
                {**cell(name, steps + extra, model=model, sampler=sampler, walk=walk)}
                | {"repeat": repeat}
            )
            rate = models[model] * samplers[sampler] * rng.lognormvariate(0, 0.2)
            costs[name] = (rate * (steps + extra), besides * rng.lognormvariate(0, 0.2))
    return {"cells": cells}, costs


Job = tuple[Sequence[str], float]  # the cells of a walk, and the seconds that it takes


def jobs(plan: Plan, costs: Mapping[str, tuple[float, float]]) -> list[Job]:
    """What the cells of each walk take, the longest by evaluations first."""
    walks: dict[str, list[dict[str, Any]]] = {}
    for each in plan["cells"]:
        walks.setdefault(each["walk"] or each["fingerprint"], []).append(each)
    found = sorted(walks.values(), key=lambda members: -max(c["nfe"] for c in members))
    return [
        (
            [c["fingerprint"] for c in members],
            max(costs[c["fingerprint"]][0] for c in members)
            + sum(costs[c["fingerprint"]][1] for c in members),
        )
        for members in found
    ]


def makespan(times: Sequence[float], workers: int) -> float:
    """Seconds until so many workers, who take one after the other, are through with all."""
    free = [0.0] * workers
    for seconds in times:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free)


@pytest.mark.parametrize("workers", [1, 3])
def test_after_the_first_tenth_the_time_left_is_right_within_a_factor_of_two(workers: int) -> None:
    ratios = []
    for seed in range(50):
        rng = random.Random(seed)
        plan, costs = sweep(rng)
        todo = jobs(plan, costs)
        records: Records = {}
        while len(records) < len(plan["cells"]) / 10:
            members, _ = todo.pop(0)
            warm_up = 20.0 if not records else 0.0
            records |= {name: record(costs[name][0], costs[name][1] + warm_up) for name in members}
        left = seconds_left(plan, records, workers=workers)
        assert left is not None
        ratios.append(left / makespan([seconds for _, seconds in todo], workers))
    assert 0.8 < statistics.median(ratios) < 1.25
    assert all(0.5 < ratio < 2 for ratio in ratios), sorted(ratios)
