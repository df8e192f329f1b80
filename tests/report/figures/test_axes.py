from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scorebench.report.figures import axes
from scorebench.report.figures.points import Points, points

Make = Callable[..., Points]


def swept(**names: list[Any]) -> list[dict[str, Any]]:
    """Rows of all combinations of values; an underscore in a name is a dot."""
    found: list[dict[str, Any]] = [{"fid": 1.0}]
    for name, values in names.items():
        found = [{**row, name.replace("_", ".", 1): value} for row in found for value in values]
    return found


def test_an_axis_has_the_values_of_a_parameter_in_order(points_of: Make) -> None:
    made = points_of(*swept(schedule_n=[10, 9, 100]), {"schedule": "other", "fid": 1.0})
    found = axes.axis(made, "schedule.n")
    assert (found.title, found.order) == ("schedule.n", ["9", "10", "100"])
    assert (found.numbers, found.scale) == ([9.0, 10.0, 100.0], "log")
    assert found.field == made.parameter_field("schedule.n")


def test_a_scale_is_logarithmic_only_for_positive_numbers(points_of: Make) -> None:
    made = points_of(*swept(sampler_churn=[0, 1], sampler_shift=[-1, 1]))
    assert axes.axis(made, "sampler.churn").scale == "symlog"
    assert axes.axis(made, "sampler.shift").scale == "symlog"


def test_marks_stand_for_samplers_else_models_else_schedules(points_of: Make) -> None:
    rows = swept(model=["a", "b"], schedule=["a", "b"])
    assert axes.series(points_of(*rows, {"sampler": "other"})) == "sampler"
    assert axes.series(points_of(*rows)) == "model"
    assert axes.series(points_of(*swept(schedule=["a", "b"], schedule_n=[1, 2]))) == "schedule"
    assert axes.series(points_of(*swept(schedule_n=[1, 2], sampler_x=[1, 2]))) == "schedule.n"


def test_curves_run_over_iterations_else_over_most_values(points_of: Make) -> None:
    assert axes.curve(points_of(*swept(schedule_n=[1, 2, 3], sampler_x=[1, 2]))) == "schedule.n"
    made = points_of(*swept(schedule_n=[1, 2, 3], sampler_steps_per_level=[1, 2]))
    assert axes.curve(made) == "sampler.steps_per_level"
    assert axes.curve(points_of(*swept(sampler=["a", "b"]))) is None


def test_curves_stand_for_what_differs_among_those_with_the_parameter(points_of: Make) -> None:
    made = points_of(
        *swept(sampler=["a"], sampler_steps=[1, 2], sampler_rule=["x", "y"]),
        *swept(sampler=["b"], sampler_order=[1, 2]),
    )
    assert axes.curve_series(made, "sampler.steps") == "sampler.rule"
    assert axes.curve_series(points_of(*swept(sampler_steps=[1, 2])), "sampler.steps") == (
        "sampler.steps"
    )


def test_the_plane_is_of_the_most_tiles(points_of: Make) -> None:
    made = points_of(*swept(sampler_a=[1, 2], sampler_b=[1, 2, 3], sampler_c=[1, 2, 3, 4]))
    assert axes.plane(made) == ("sampler.b", "sampler.c")
    assert len(axes.fixed(made, "sampler.b", "sampler.c")) == 12


def test_numbers_make_a_plane_before_words_do(points_of: Make) -> None:
    made = points_of(*swept(sampler=list("abcdef"), sampler_b=[1, 2], sampler_c=[1, 2]))
    assert axes.plane(made) == ("sampler.b", "sampler.c")


def test_words_make_a_plane_where_numbers_are_never_swept_together(points_of: Make) -> None:
    made = points_of(
        *swept(sampler=["a"], schedule=["x", "y"], sampler_b=[1, 2]),
        *swept(sampler=["c"], schedule=["x", "y"], sampler_d=[1, 2]),
    )
    assert axes.plane(made) == ("schedule", "sampler.b")


def test_without_two_parameters_there_is_no_plane(points_of: Make) -> None:
    assert axes.plane(points_of(*swept(sampler_a=[1, 2, 3]))) is None
    assert axes.plane(points_of({"fid": 1.0})) is None


def test_tiles_differ_in_nothing_else_and_have_both_parameters(points_of: Make) -> None:
    made = points_of(
        *swept(sampler_a=[1, 2], sampler_b=[1, 2], sampler_c=["x"]),
        *swept(sampler_a=[1, 2], sampler_b=[1], sampler_c=["y"]),
        *swept(sampler_a=[3], sampler_c=["x"]),
    )
    found = axes.fixed(made, "sampler.a", "sampler.b")
    c = made.parameter_field("sampler.c")
    assert (len(found), set(found[c])) == (4, {"x"})


def test_tiles_are_of_one_part(ranked: Callable[..., Any]) -> None:
    rows = swept(sampler_a=[1, 2], sampler_b=[1, 2])
    made = points([ranked(*rows)[1], ranked(*rows[:3])[1]])
    assert len(axes.fixed(made, "sampler.a", "sampler.b")) == 4
