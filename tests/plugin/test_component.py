from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorebench.plugin.component import KINDS, Component, ComponentSpec

laws = settings(max_examples=100, deadline=None)


class Thing:
    pass


NOT_A_CLASS = Thing()


def test_there_are_six_kinds() -> None:
    assert len(KINDS) == len(set(KINDS)) == 6


def test_a_class_is_its_own_target() -> None:
    assert Component("thing", Thing).resolve() is Thing


def test_a_lazy_target_is_imported_when_it_is_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lazy_target.py").write_text("class Late: ...")
    monkeypatch.syspath_prepend(tmp_path)
    component = Component("late", "lazy_target:Late")
    assert "lazy_target" not in sys.modules
    assert component.resolve() is sys.modules["lazy_target"].Late


@pytest.mark.parametrize(
    ("target", "error", "told"),
    [
        ("no_such_module_here:Thing", ModuleNotFoundError, "no_such_module_here"),
        ("json:Thing", AttributeError, "Thing"),
        ("json:dumps", TypeError, "json:dumps is not a class"),
        ("json", TypeError, "'json' is neither a class nor \"module:Class\""),
        (NOT_A_CLASS, TypeError, 'neither a class nor "module:Class"'),
        (len, TypeError, 'neither a class nor "module:Class"'),
    ],
)
def test_a_target_that_is_no_class_says_so(
    target: type | str, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        Component("thing", target).resolve()


@pytest.mark.parametrize("name", ["heun", "dpmpp_2m", "dpm++", "v1.5", "σ-net"])
def test_names_are_words(name: str) -> None:
    assert Component(name, Thing).name == name


@pytest.mark.parametrize("name", ["", "two words", "line\nbreak", "a,b", None, 3])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="can't name a component"):
        Component(name, Thing)


def test_a_spec_is_a_name() -> None:
    assert ComponentSpec.parse("heun") == ComponentSpec("heun", {})


@laws
@given(
    st.text(),
    st.dictionaries(st.text().filter(lambda key: key != "name"), st.integers()),
)
def test_a_spec_is_a_mapping_with_a_name(name: str, parameters: dict[str, int]) -> None:
    given = {**parameters, "name": name}
    assert ComponentSpec.parse(given) == ComponentSpec(name, parameters)
    assert given == {**parameters, "name": name}


def test_a_spec_is_a_spec() -> None:
    spec = ComponentSpec("heun", {"s_churn": 40})
    assert ComponentSpec.parse(spec) is spec


@pytest.mark.parametrize("value", [None, 3, True, [], ["heun"], {}, {"n": 5}, {"name": 5}])
def test_nothing_else_is_a_spec(value: object) -> None:
    with pytest.raises(ValueError, match="expected a name or a mapping with a name"):
        ComponentSpec.parse(value)
