from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorebench.plugin.host import default_host
from scorebench.suite import sweep
from scorebench.suite.resolve import Resolver
from scorebench.suite.spec import Block
from scorebench.suite.sweep import expand
from scorebench.suite.yaml import Document

GEOMETRIC = "{name: geometric, n: [2, 3], sigma_max: [5, 1]}"
ANNEALED = "{name: annealed_langevin, step_size: [1e-6, 2e-5], steps_per_level: [1, 5]}"


def columns(desk, *names: str, **changes: str) -> list[tuple[Any, ...]]:
    """Columns of the points of a suite, point by point."""
    rows = [point.columns() for point in desk.load(**changes).points]
    return [tuple(row.get(name) for name in names) for row in rows]


def test_one_of_each_is_one_point_with_what_was_given(desk) -> None:
    (point,) = desk.load(schedule="{name: geometric, n: '4'}").points
    assert point.columns() == {
        "model": "gaussian",
        "schedule": "geometric",
        "sampler": "euler",
        "schedule.n": 4,
    }
    assert point.schedule.component.sigma_max == 1.0


def test_a_block_is_a_full_product_in_which_later_axes_vary_fastest(desk) -> None:
    names = ("schedule.n", "schedule.sigma_max", "sampler.step_size", "sampler.steps_per_level")
    found = columns(desk, *names, schedule=GEOMETRIC, sampler=ANNEALED)
    assert found == list(itertools.product([2, 3], [5.0, 1.0], [1e-6, 2e-5], [1, 5]))


def test_components_vary_slower_than_parameters(desk) -> None:
    found = columns(
        desk,
        "schedule",
        "sampler",
        "schedule.n",
        schedule="[{name: geometric, n: [2, 3]}, karras]",
        sampler="[euler, heun]",
    )
    assert found == [
        ("geometric", "euler", 2),
        ("geometric", "euler", 3),
        ("geometric", "heun", 2),
        ("geometric", "heun", 3),
        ("karras", "euler", None),
        ("karras", "heun", None),
    ]


def test_blocks_follow_one_another(desk) -> None:
    text = desk.text(sampler="[heun, euler]") + (
        "  - {model: gaussian, schedule: karras, sampler: euler}\n"
    )
    found = [(p.sampler.name, p.schedule.name) for p in desk.load(text).points]
    assert found == [("heun", "geometric"), ("euler", "geometric"), ("euler", "karras")]


def test_one_component_can_be_an_axis_with_different_parameters(desk) -> None:
    found = columns(
        desk, "sampler", "sampler.s_churn", sampler="[heun, {name: heun, s_churn: [0, 40]}]"
    )
    assert found == [("heun", None), ("heun", 0.0), ("heun", 40.0)]


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ("3", [3.0]),
        ("[1, 2]", [[1.0, 2.0]]),
        ("[[1, 2], [3, 4]]", [[1.0, 2.0], [3.0, 4.0]]),
        ("[[1, 2], 3]", [[1.0, 2.0], 3.0]),
    ],
)
def test_a_list_is_a_value_where_the_parameter_takes_one(desk, given: str, means: Any) -> None:
    assert desk.column("model.mean", model=f"{{name: gaussian, mean: {given}}}") == means


def test_points_of_equal_components_share_them(desk) -> None:
    points = desk.load(schedule="{name: geometric, n: [2, 3]}", sampler="[euler, heun]").points
    assert len({id(point.model) for point in points}) == 1
    assert len({id(point.schedule) for point in points}) == 2


def test_identical_points_are_equal(desk) -> None:
    points = desk.load(schedule="{name: geometric, n: [3, 3]}", sampler="[euler, euler]").points
    assert len(points) == 4
    assert all(point == points[0] for point in points)


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ("{schedule.n: 2}", [(3, 5.0), (3, 1.0)]),
        ("{schedule.n: '2'}", [(3, 5.0), (3, 1.0)]),
        ("{schedule.n: 2, schedule.sigma_max: 5}", [(2, 1.0), (3, 5.0), (3, 1.0)]),
        ("{schedule.n: 2}, {schedule.sigma_max: 5}", [(3, 1.0)]),
        ("{schedule.n: 7}", [(2, 5.0), (2, 1.0), (3, 5.0), (3, 1.0)]),
        ("{sampler.denoise: false}", [(2, 5.0), (2, 1.0), (3, 5.0), (3, 1.0)]),
        ("{sampler.denoise: true, schedule.n: 2}", [(3, 5.0), (3, 1.0)]),  # the default
        ("{schedule.sigma_min: 1e-2, schedule.n: 2}", [(3, 5.0), (3, 1.0)]),  # likewise
        ("{sampler: euler, schedule.n: 2}", [(3, 5.0), (3, 1.0)]),
        ("{sampler: euler, model: gaussian, schedule.n: 2}", [(3, 5.0), (3, 1.0)]),
    ],
)
def test_excluded_points_are_left_out(desk, rule: str, left: list[tuple[Any, ...]]) -> None:
    found = columns(
        desk, "schedule.n", "schedule.sigma_max", schedule=GEOMETRIC, exclude=f"[{rule}]"
    )
    assert found == left


def test_excluded_numbers_may_be_words_as_yaml_takes_them(desk) -> None:
    found = columns(
        desk, "sampler.step_size", sampler=ANNEALED, exclude="[{sampler.step_size: 1e-6}]"
    )
    assert found == [(2e-5,), (2e-5,)]


def test_an_excluded_parameter_concerns_the_components_that_have_it(desk) -> None:
    found = columns(
        desk,
        "sampler",
        "sampler.step_size",
        sampler=f"[euler, {ANNEALED}]",
        exclude="[{sampler.step_size: 1e-6}, {sampler.steps_per_level: 1}]",
    )
    assert found == [("euler", None), ("annealed_langevin", 2e-5)]


def test_an_excluded_value_need_fit_only_one_component(desk, write_plugin) -> None:
    write_plugin(MODED, "moded.py")
    found = columns(
        desk,
        "sampler",
        "sampler.mode",
        sampler="[{name: worded, mode: [slow, fast]}, {name: counted, mode: [1, 2]}]",
        exclude="[{sampler.mode: slow}, {sampler.mode: 2}]",
        plugins="[moded.py]",
    )
    assert found == [("worded", "fast"), ("counted", 1)]


MODED = """
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
import scorebench
from scorebench import Component

class Base(scorebench.Sampler):
    def trajectory(self, model, sigmas, noise): ...

@dataclass(frozen=True, kw_only=True)
class Worded(Base):
    mode: Literal["slow", "fast"] = "slow"
    file: Path | None = None

@dataclass(frozen=True, kw_only=True)
class Counted(Base):
    mode: int = 1

@scorebench.hookimpl
def scorebench_samplers():
    return [Component("worded", Worded), Component("counted", Counted)]
"""


def test_excluded_paths_are_those_beside_the_suite(desk, write_plugin) -> None:
    write_plugin(MODED, "moded.py")
    found = desk.column(
        "sampler.file",
        sampler="{name: worded, file: [a, b]}",
        exclude="[{sampler.file: a}]",
        plugins="[moded.py]",
    )
    assert [path.name for path in found] == ["b"]


def test_an_impossible_point_that_is_excluded_is_no_mistake(desk) -> None:
    found = columns(
        desk,
        "schedule.sigma_max",
        "schedule.sigma_min",
        schedule="{name: geometric, sigma_max: [1, 50], sigma_min: [0.01, 2]}",
        exclude="[{schedule.sigma_max: 1, schedule.sigma_min: 2}]",
    )
    assert found == [(1.0, 0.01), (50.0, 0.01), (50.0, 2.0)]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{schedule.m: 2}", "schedule.m: no component here has this parameter; did you mean"),
        (
            "{scheduler.n: 2}",
            "scheduler.n: no component here has this parameter; did you mean sche",
        ),
        ("{sampler.rho: 7}", "sampler.rho: no component here has this parameter; "),
        ("{n: 2}", "n: no component here has this parameter; "),
        ("{schedule.n: two}", "schedule.n: expected int ≥ 1 ≤ 1000000, got 'two'"),
        ("{schedule.n: [2, 3]}", "schedule.n: expected int ≥ 1 ≤ 1000000, got [2, 3]"),
        ("{sampler: hune}", "sampler: no 'hune' is swept here; known: euler"),
        ("{sampler: [euler]}", "sampler: no ['euler'] is swept here; did you mean euler?"),
    ],
)
def test_a_rule_about_nothing_here_is_a_mistake(desk, rule: str, told: str) -> None:
    (problem,) = desk.problems(exclude=f"[{{schedule.n: 9}}, {rule}]")
    assert problem.startswith(f"10: sweep[0].exclude[1].{told}")


def test_a_sweep_without_points_is_a_mistake(desk) -> None:
    assert desk.problems(exclude="[{sampler: euler}]") == [
        "6: sweep: no cell is left after exclude"
    ]


def test_zipped_parameters_advance_together(desk) -> None:
    names = ("schedule.n", "schedule.sigma_max", "sampler.step_size", "sampler.steps_per_level")
    found = columns(
        desk,
        *names,
        schedule=GEOMETRIC,
        sampler=ANNEALED,
        zip="[[schedule.n, sampler.steps_per_level], [sampler.step_size, schedule.sigma_max]]",
    )
    assert found == [
        (2, 5.0, 1e-6, 1),
        (2, 1.0, 2e-5, 1),
        (3, 5.0, 1e-6, 5),
        (3, 1.0, 2e-5, 5),
    ]


def test_an_axis_of_components_can_be_zipped_with_a_parameter(desk) -> None:
    found = columns(
        desk,
        "sampler",
        "schedule.n",
        "schedule.sigma_max",
        schedule=GEOMETRIC,
        sampler="[euler, heun]",
        zip="[[sampler, schedule.n]]",
    )
    assert found == [("euler", 2, 5.0), ("euler", 2, 1.0), ("heun", 3, 5.0), ("heun", 3, 1.0)]


def test_axes_of_components_can_be_zipped(desk) -> None:
    found = columns(
        desk,
        "schedule",
        "sampler",
        schedule="[geometric, karras]",
        sampler="[euler, heun]",
        zip="[[schedule, sampler]]",
    )
    assert found == [("geometric", "euler"), ("karras", "heun")]


def test_a_component_can_be_zipped_with_its_own_parameter(desk) -> None:
    sampler = "[{name: heun, s_churn: [0, 40]}, {name: heun, s_noise: 2, s_churn: [0, 40]}]"
    found = columns(
        desk,
        "sampler.s_noise",
        "sampler.s_churn",
        sampler=sampler,
        zip="[[sampler, sampler.s_churn]]",
    )
    assert found == [(None, 0.0), (2.0, 40.0)]


def test_a_zip_concerns_the_components_that_have_the_parameter(desk) -> None:
    found = columns(
        desk,
        "schedule.n",
        "sampler",
        "sampler.s_churn",
        schedule="{name: geometric, n: [2, 3]}",
        sampler="[euler, {name: heun, s_churn: [0, 40]}]",
        zip="[[schedule.n, sampler.s_churn]]",
    )
    assert found == [(2, "euler", None), (3, "euler", None), (2, "heun", 0.0), (3, "heun", 40.0)]


@pytest.mark.parametrize(
    ("zipped", "told"),
    [
        ("[schedule.n, sampler.s_churn]", "schedule.n, sampler.s_churn are not of one length, so"),
        ("[sampler.s_churn, sampler]", "sampler.s_churn, sampler are not of one length, so can't"),
        ("[sampler, schedule.sigma_max]", "sampler, schedule.sigma_max are not of one length, so"),
        ("[schedule.n, sampler]", "schedule.n, sampler are not of one length, so can't be zipped"),
    ],
)
def test_zipped_axes_must_be_of_one_length(desk, zipped: str, told: str) -> None:
    (problem,) = desk.problems(
        schedule="{name: geometric, n: [2, 3], sigma_max: [1, 2, 3, 4, 5]}",
        sampler="[euler, {name: heun, s_churn: [0, 20, 40, 80]}, heun]",
        zip=f"[{zipped}]",
    )
    assert problem.startswith(f"10: sweep[0].zip[0]: {told}")


@pytest.mark.parametrize(
    ("zipped", "told"),
    [
        ("[[schedule.n, sampler]]", "zip[0][1]: sampler is not swept here; known: schedule.n, sch"),
        ("[[schedule.n, schedule.rho]]", "zip[0][1]: schedule.rho is not swept here; "),
        (
            "[[schedule.n, schedule.sigma_mx]]",
            "zip[0][1]: schedule.sigma_mx is not swept here; did",
        ),
        ("[[schedule.n, schedule.n]]", "zip[0][1]: schedule.n is zipped twice"),
        (
            "[[schedule.n, schedule.sigma_max], [schedule.n, schedule.sigma_max]]",
            "zip[1][0]: schedule.n is zipped twice",
        ),
    ],
)
def test_only_what_is_swept_can_be_zipped_and_once(desk, zipped: str, told: str) -> None:
    (problem, *_) = desk.problems(schedule=GEOMETRIC, zip=zipped)
    assert problem.startswith(f"10: sweep[0].{told}")


def test_what_a_component_refuses_is_told_with_its_line(desk) -> None:
    problems = desk.problems(
        model="[gaussian, {name: gaussian, mean: [1, 2], std: [1, 2, 3]}]",
        schedule="{name: geometric, sigma_max: [50, 1, 0.5], sigma_min: [0.01, 0.7]}",
        sampler="{name: langevin, steps: [1, 2]}",
    )
    assert problems == [
        "7: sweep[0].model[1]: dimensions differ: mean has 2 and std has 3",
        "8: sweep[0].schedule: sigma_min (0.7) must be below sigma_max (0.5)",
        "9: sweep[0].sampler: parameter step_size is required",
    ]


def test_one_unsound_component_does_not_hide_what_is_wrong_with_others(desk) -> None:
    problems = desk.problems(
        model="gausian",
        schedule="{name: geometric, sigma_max: 1, sigma_min: 2}",
        sampler="[langevin, {name: heun, s_churn: -1}]",
    )
    assert problems == [
        "7: sweep[0].model: unknown score model 'gausian'; did you mean gaussian?",
        "8: sweep[0].schedule: sigma_min (2.0) must be below sigma_max (1.0)",
        "9: sweep[0].sampler[1].s_churn: expected float ≥ 0, got -1",
        "9: sweep[0].sampler[0]: parameter step_size is required",
    ]


def test_an_unsound_component_makes_no_rule_unsound(desk) -> None:
    problems = desk.problems(
        sampler="[anneald_langevin, heun]",
        exclude="[{sampler.steps_per_level: 5}]",
        zip="[[sampler, sampler.step_size]]",
    )
    assert problems == [
        "9: sweep[0].sampler[0]: unknown sampler 'anneald_langevin'; did you mean "
        "annealed_langevin?"
    ]


def test_mistakes_of_all_blocks_are_told(desk) -> None:
    text = desk.text(sampler="huen") + (
        "  - {model: gaussian, schedule: karas, sampler: euler}\n"
        "  - {model: gaussian, schedule: karras, sampler: eular}\n"
    )
    assert [problem.split(":")[0] for problem in desk.problems(text)] == ["9", "10", "11"]


def test_ten_thousand_points_are_expanded(desk) -> None:
    ten = list(range(1, 11))
    points = desk.load(
        schedule=f"{{name: geometric, n: {ten}, sigma_max: {ten}}}",
        sampler=f"{{name: annealed_langevin, step_size: {ten}, steps_per_level: {ten}}}",
    ).points
    assert len({repr(point.columns()) for point in points}) == 10_000


@pytest.mark.parametrize("axis", ["parameters", "components"])
def test_a_sweep_too_large_is_refused_at_once(desk, axis: str) -> None:
    many = list(range(1, 1001))
    changes = {
        "parameters": {
            "schedule": f"{{name: geometric, n: {many}, sigma_max: {many}}}",
            "sampler": f"{{name: heun, s_churn: {many}}}",
        },
        "components": {
            "model": f"[{', '.join(['gaussian'] * 1001)}]",
            "sampler": f"[{', '.join(['euler'] * 1001)}]",
        },
    }[axis]
    (problem,) = desk.problems(**changes)
    assert problem == "7: sweep[0]: more than 1,000,000 points"


def test_the_limit_counts_all_parts_of_a_block(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "LARGEST_SWEEP", 5)
    changes = {"schedule": "{name: geometric, n: [2, 3, 4]}", "sampler": "[euler, heun]"}
    assert desk.problems(**changes) == ["7: sweep[0]: more than 5 points"]


lengths = st.integers(1, 3)


@settings(max_examples=50, deadline=None)
@given(st.lists(lengths, min_size=4, max_size=4), st.booleans(), st.integers(1, 3))
def test_a_block_has_as_many_points_as_its_axes_say(
    sizes: list[int], zipped: bool, excluded: int
) -> None:
    n, high, step, steps = (list(range(1, size + 1)) for size in sizes)
    zipped = zipped and len(n) == len(steps)
    block = Block.model_validate(
        {
            "model": "gaussian",
            "schedule": {"name": "geometric", "n": n, "sigma_max": high},
            "sampler": {"name": "annealed_langevin", "step_size": step, "steps_per_level": steps},
            "exclude": [{"schedule.n": excluded}],
            "zip": [["schedule.n", "sampler.steps_per_level"]] if zipped else [],
        }
    )
    document = Document(None, "s.yaml")
    resolver = Resolver(default_host(), document, Path())
    points = expand(resolver, block, ("sweep", 0))
    assert document.problems == {}
    expected = [
        (a, b, c, d)
        for a, b, c, d in itertools.product(n, high, step, steps)
        if a != excluded and (not zipped or a == d)
    ]
    assert [tuple(list(p.columns().values())[3:]) for p in points] == expected
