from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BeforeValidator, FiniteFloat

from scorebench import ComponentSpec, DatasetSpec
from scorebench.plugin.parameters import REQUIRED, brief, build, describe_type, parameters_of

laws = settings(max_examples=100, deadline=None)


def even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even")
    return value


def clumsy(value: Any) -> Any:
    return value.no_such_attribute


@dataclass(frozen=True, kw_only=True)
class Base:
    step_size: Annotated[float, Gt(0)]
    """Step size η.

    In squared data units.
    """

    steps: Annotated[int, Ge(1), Le(100)] = 10
    """Number of iterations."""


@dataclass(frozen=True, kw_only=True)
class Example(Base):
    """Words about the class aren't those of a parameter."""

    kind: ClassVar[str] = "example"

    steps: Annotated[int, Ge(1)] = 20
    "Iterations, as many as you like."

    mode: Literal["half", "full"] = "half"
    levels: list[float] = field(default_factory=lambda: [1.0, 0.1])
    """Noise levels."""
    digest: str = field(default="", init=False)
    """Not a parameter."""


def of(hint: Any) -> Callable[[Any], Any]:
    """What a parameter of a type makes of a value."""
    cls = dataclasses.make_dataclass("Anon", [("x", hint)], frozen=True, kw_only=True)
    return parameters_of(cls)["x"].validate


def test_parameters_are_the_fields_in_order() -> None:
    assert list(parameters_of(Example)) == ["step_size", "steps", "mode", "levels"]


def test_defaults_are_those_of_the_fields() -> None:
    found = {name: parameter.default for name, parameter in parameters_of(Example).items()}
    assert found == {"step_size": REQUIRED, "steps": 20, "mode": "half", "levels": [1.0, 0.1]}


def test_the_string_after_a_field_is_its_doc_inherited_or_not() -> None:
    found = {name: parameter.doc for name, parameter in parameters_of(Example).items()}
    assert found == {
        "step_size": "Step size η.\n\nIn squared data units.",
        "steps": "Iterations, as many as you like.",
        "mode": "",
        "levels": "Noise levels.",
    }


def test_a_class_without_source_has_parameters_without_docs() -> None:
    cls = dataclasses.make_dataclass("Made", [("n", int, 5)], frozen=True, kw_only=True)
    (parameter,) = parameters_of(cls).values()
    assert (parameter.name, parameter.type, parameter.default, parameter.doc) == ("n", "int", 5, "")


@dataclass(kw_only=True)
class Mutable:
    n: int = 5


@dataclass(frozen=True)
class Positional:
    n: int = 5


class Undecorated(Base):
    extra: int = 3


class Plain:
    pass


@pytest.mark.parametrize("cls", [Mutable, Positional, Undecorated, Plain])
def test_only_frozen_keyword_only_dataclasses_have_parameters(cls: type) -> None:
    with pytest.raises(TypeError, match=rf"{cls.__name__} must be declared with @dataclass\(froz"):
        parameters_of(cls)


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "int"),
        (Annotated[float, Gt(0)], "float > 0"),
        (Annotated[float, Ge(0), Lt(1)], "float ≥ 0 < 1"),
        (Annotated[int, Interval(ge=1, le=9)], "int ≥ 1 ≤ 9"),
        (Annotated[int, MultipleOf(2)], "int"),
        (FiniteFloat, "float"),
        (bool, "bool"),
        (str | None, "str or none"),
        (Annotated[int, Ge(1)] | None, "int ≥ 1 or none"),
        (Literal["half", "full"], "half or full"),
        (Literal["auto", None], "auto or None"),
        (list[float], "list of float"),
        (Annotated[list[int], MinLen(2), MaxLen(4)], "list of int (at least 2) (at most 4)"),
        (Annotated[list[int], Len(2, 4)], "list of int (at least 2) (at most 4)"),
        (list[Annotated[float, Gt(0)]], "list of float > 0"),
        (tuple[float, float], "list of float"),
        (tuple[float, ...], "list of float"),
        (tuple[int, str], "list (int, str)"),
        (list, "list"),
        (dict[str, float], "dict"),
        (Path, "Path"),
        (DatasetSpec, "component"),
        (float | list[float], "float or list of float"),
    ],
)
def test_types_are_told_in_words(hint: Any, words: str) -> None:
    assert describe_type(hint) == words


@pytest.mark.parametrize(
    ("hint", "given", "expected"),
    [
        (float, "1e-3", 0.001),
        (float, 3, 3.0),
        (float, "inf", math.inf),
        (Annotated[float, Ge(0)], math.inf, math.inf),
        (int, 5.0, 5),
        (int, "5", 5),
        (bool, "true", True),
        (bool | int, True, True),
        (Any, True, True),
        (Literal[True, "auto"], True, True),
        (list[bool], [True, False], [True, False]),
        (list[float], ["1e-3", 2], [0.001, 2.0]),
        (tuple[float, float], [0, 1], (0.0, 1.0)),
        (float | list[float], [1, 2], [1.0, 2.0]),
        (float | list[float], 1, 1.0),
        (int | None, None, None),
        (Path, "a/b", Path("a/b")),
        (DatasetSpec, "digits", ComponentSpec("digits")),
        (DatasetSpec, {"name": "a", "n": 3}, ComponentSpec("a", {"n": 3})),
        (Annotated[int, AfterValidator(even)], 4, 4),
    ],
)
def test_values_are_coerced_to_the_type(hint: Any, given: Any, expected: Any) -> None:
    value = of(hint)(given)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("hint", "given", "told"),
    [
        (float, True, "expected float, got True"),
        (int, False, "expected int, got False"),
        (float | None, True, "expected float or none, got True"),
        (list[float], [1, True], r"expected list of float, got \[1, True\]"),
        (list[list[int]], [[1], [True]], "expected list of list of int"),
        (tuple[float, float], [0, True], "expected list of float"),
        (str, True, "expected str, got True"),
        (int, 5.5, "expected int, got 5.5"),
        (int, "five", "expected int, got 'five'"),
        (int, [5], r"expected int, got \[5\]"),
        (Annotated[float, Gt(0)], 0, "expected float > 0, got 0"),
        (Annotated[float, Gt(0)], math.nan, "expected float > 0, got nan"),
        (Annotated[float, Le(1)], "nan", "expected float ≤ 1, got 'nan'"),
        (FiniteFloat, math.inf, "expected float, got inf"),
        (Literal["half", "full"], "hlaf", "expected half or full, got 'hlaf'"),
        (Annotated[list[int], MinLen(1)], [], r"expected list of int \(at least 1\), got \[\]"),
        (tuple[float, float], [1, 2, 3], "expected list of float"),
        (Path, 3, "expected Path, got 3"),
        (DatasetSpec, 3, "3: expected a name or a mapping with a name"),
        (int, None, "expected int, got None"),
        (Annotated[int, AfterValidator(even)], 3, "^3: must be even$"),
        (Annotated[int, BeforeValidator(clumsy)], 3, "^3: AttributeError: 'int' object"),
    ],
)
def test_other_values_are_refused_in_words(hint: Any, given: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        of(hint)(given)


bounded = of(Annotated[float, Ge(-1e300), Lt(1e300)])


@laws
@given(st.floats(-1e300, 1e300, exclude_max=True))
def test_any_float_in_bounds_is_kept_as_number_and_as_text(value: float) -> None:
    assert bounded(value) == value
    assert bounded(repr(value)) == value


@laws
@given(st.floats(min_value=1e300) | st.floats(max_value=-1.1e300) | st.just(math.nan))
def test_any_float_out_of_bounds_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"expected float ≥ -1e\+300 < 1e\+300, got "):
        bounded(value)


@laws
@given(st.integers())
def test_any_whole_number_is_kept(value: int) -> None:
    assert of_int(value) == value


of_int = of(int)


def test_a_component_is_built_from_valid_values() -> None:
    component, problems = build(Example, {"step_size": "1e-3", "mode": "full"})
    assert component == Example(step_size=0.001, mode="full")
    assert problems == []


def test_every_mistake_is_told_with_its_parameter() -> None:
    component, problems = build(Example, {"stepsize": 1, "steps": 0, "mode": "quarter"})
    assert component is None
    assert problems == [
        ("stepsize", "unknown parameter; did you mean step_size?"),
        ("steps", "expected int ≥ 1, got 0"),
        ("mode", "expected half or full, got 'quarter'"),
        (None, "parameter step_size is required"),
    ]


def test_a_field_outside_the_constructor_is_unknown() -> None:
    _, problems = build(Example, {"step_size": 1, "digest": "x"})
    assert problems == [
        ("digest", "unknown parameter; known: levels, mode, step_size, steps"),
    ]


@dataclass(frozen=True, kw_only=True)
class Picky:
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        _ = 1 / self.low


def test_what_a_component_itself_refuses_is_told_without_a_parameter() -> None:
    assert build(Picky, {"low": 2}) == (None, [(None, "low (2.0) must be below high (1.0)")])


def test_whatever_a_component_raises_is_told_not_raised() -> None:
    assert build(Picky, {}) == (None, [(None, "ZeroDivisionError: float division by zero")])


@pytest.mark.parametrize("value", [True, None, 1e-300, "short", [1, "a"], {"a": 1.5}])
def test_short_values_are_told_as_python_writes_them(value: object) -> None:
    assert brief(value) == repr(value)


def test_long_values_are_told_in_brief() -> None:
    values: Any = ["x" * 1000]
    for _ in range(30):  # written out, 20^30 items
        values = [values] * 20
    told = [brief("x" * 10_000), brief(list(range(10_000))), brief(values)]
    assert all(len(text) < 250 and "..." in text for text in told)
