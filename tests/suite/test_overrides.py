from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorebench.errors import UserError
from scorebench.suite.overrides import apply
from scorebench.suite.yaml import parse

TEXT = """\
samples: 100
limits:
sweep:
  - schedule: {name: geometric, n: [5, 10]}
    exclude: [{schedule.n: 5}]
"""


def after(*settings: str, text: str = TEXT) -> Any:
    """The data of a document with these settings."""
    document = parse(text, "s.yaml")
    apply(document, settings)
    return document.data


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("samples=7", ["samples"], 7),
        ("samples = 7", ["samples"], 7),
        ("samples=", ["samples"], None),
        ("name=a=b", ["name"], "a=b"),
        ("sweep[0].schedule.n=[1, 2]", ["sweep", 0, "schedule", "n"], [1, 2]),
        ("sweep[0].schedule.n[1]=7", ["sweep", 0, "schedule", "n"], [5, 7]),
        ("sweep[0].schedule=karras", ["sweep", 0, "schedule"], "karras"),
        ("sweep[0].schedule={name: karras}", ["sweep", 0, "schedule"], {"name": "karras"}),
        ("precision.state=float64", ["precision"], {"state": "float64"}),
        ("a.b.c=true", ["a"], {"b": {"c": True}}),
        ("sweep=[]", ["sweep"], []),
    ],
)
def test_a_setting_replaces_or_adds_a_value(setting: str, path: list[Any], value: Any) -> None:
    found, before = after(setting), after()
    for step in path[:-1]:
        found, before = found[step], before[step]
    assert found.pop(path[-1]) == value
    if path[-1] in before:
        before.pop(path[-1])
    assert found == before


def test_a_star_sets_a_value_in_every_item() -> None:
    text = "sweep: [{model: a, s: [{n: 1}, {n: 2}]}, {s: [{n: 3}]}]"
    data = after("sweep[*].model={name: b}", "sweep[*].s[*].n=0", "sweep[1].model.c=1", text=text)
    first, second = data["sweep"]
    assert first == {"model": {"name": "b"}, "s": [{"n": 0}, {"n": 0}]}
    assert second == {"model": {"name": "b", "c": 1}, "s": [{"n": 0}]}


def test_later_settings_win() -> None:
    assert after("samples=1", "samples=2")["samples"] == 2


def test_an_empty_file_can_be_filled_by_settings() -> None:
    assert after("samples=1", "limits.retries=2", text="") == {
        "samples": 1,
        "limits": {"retries": 2},
    }


def test_setting_one_alias_leaves_the_others() -> None:
    data = after("b.n=3", text="a: &x {n: 1}\nb: *x\n")
    assert data == {"a": {"n": 1}, "b": {"n": 3}}


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("samples", "expected path=value, e.g. n=5 or sweep[0].schedule.n=[5,10]"),
        ("=5", "expected path=value"),
        ("a..b=5", "expected path=value"),
        ("a.[0]=5", "expected path=value"),
        ("sweep[x]=5", "expected path=value"),
        ("limits.\ud800=5", "expected path=value"),
        ("limits\n..retries=5", "expected path=value"),
        ("sweep[-1]=5", "expected path=value"),
        ("sweep[" + "1" * 5000 + "]=5", "expected path=value"),
        ("sweep[1].schedule=karras", "sweep has no item [1]"),
        ("sweep[0].schedule.n[2]=1", "sweep[0].schedule.n has no item [2]"),
        ("samples[*]=1", "samples has no items"),
        ("sweep[3].exclude[*].x=1", "sweep[3].exclude has no items"),
        ("limits.nothing[*]=1", "limits.nothing has no items"),
        ("[*]=1", "the suite has no items"),
        ("[0]=1", "the suite has no item [0]"),
        ("samples[0]=1", "samples has no item [0]"),
        ("samples.x=1", "samples is not a mapping, so it has no 'x'"),
        ("limits.retries=1", "limits is not a mapping, so it has no 'retries'"),
        ("sweep.schedule=karras", "sweep is not a mapping, so it has no 'schedule'"),
        ("samples=[1", "not valid YAML: while parsing a flow sequence"),
        ("samples=!!int x", "not valid YAML: 'x' is no int"),
        ("limits={retries: 1, retries: 2}", "retries: given twice"),
    ],
)
def test_a_setting_that_leads_nowhere_says_so(setting: str, told: str) -> None:
    with pytest.raises(UserError) as raised:
        after(setting)
    shown = setting if setting.isprintable() else repr(setting)
    assert str(raised.value).startswith(f"--set {shown}:")
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_value_that_was_set_has_no_line_in_the_file() -> None:
    document = parse(TEXT, "s.yaml")
    apply(document, ["sweep[0].schedule.n=[x]"])
    document.report(("sweep", 0, "schedule", "n", 0), "no number")
    document.report(("sweep", 0, "exclude"), "still there")
    assert [text for _, text in document.problems] == [
        "s.yaml: sweep[0].schedule.n[0]: no number",
        "s.yaml:5: sweep[0].exclude: still there",
    ]


def test_settings_apply_before_anything_is_checked(desk) -> None:
    suite = desk.load(samples="none", settings=["samples=50"])
    assert suite.samples == 50
    assert desk.problems(settings=["smaples=50"]) == ["smaples: unknown key; did you mean samples?"]
    assert desk.problems(settings=["samples=none"]) == [
        "samples: expected a whole number, got 'none'"
    ]


def test_settings_sweep_like_the_file_does(desk) -> None:
    suite = desk.load(
        schedule="{name: geometric}",
        settings=["sweep[0].schedule.n=[5, 10]", "sweep[0].sampler=[euler, heun]"],
    )
    columns = [point.columns() for point in suite.points]
    assert [(c["sampler"], c["schedule.n"]) for c in columns] == [
        ("euler", 5),
        ("euler", 10),
        ("heun", 5),
        ("heun", 10),
    ]
    assert suite.data["sweep"][0]["sampler"] == ["euler", "heun"]


@settings(max_examples=300, deadline=None)
@given(st.text() | st.from_regex(r"[a-z.*\[\]0-9]{1,12}=.{0,8}", fullmatch=True))
def test_any_setting_is_applied_or_refused_as_the_users_mistake(setting: str) -> None:
    refused = ""
    try:
        after(setting)
    except UserError as error:
        refused = str(error)
    shown = setting if setting.isprintable() else repr(setting)
    assert not refused or refused.startswith(f"--set {shown}")
