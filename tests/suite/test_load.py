from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorebench.errors import SuiteError, UserError
from scorebench.plugin.component import ComponentSpec
from scorebench.suite import load
from scorebench.suite.load import load_suite
from tests.conftest import Python

Write = Callable[..., Path]

SAMPLER = """
from dataclasses import dataclass
from pathlib import Path
import scorebench

@dataclass(frozen=True, kw_only=True)
class Mine(scorebench.Sampler):
    table: Path | None = None
    def trajectory(self, model, sigmas, noise): ...

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("mine", Mine)
"""

METRIC = """
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class Odd(scorebench.Metric):
    least: int = 1
    @property
    def minimum_samples(self): return 12 // (self.least - 1)
    def prepare(self, reference, context): ...
    def compute(self, state, generated): ...

@scorebench.hookimpl
def scorebench_metrics():
    yield scorebench.Component("odd", Odd)
"""


def test_a_suite_holds_what_its_file_says(desk) -> None:
    suite = desk.load(
        dataset="{name: digits, split: train}",
        metrics="[fid, {name: precision_recall, k: 5}]",
        seed="3",
        repeats="2",
        batch_size="16",
        precision="{model: bfloat16}",
        limits="{timeout: 2h}",
    )
    assert (suite.path, suite.name, suite.seed, suite.repeats) == (desk.path, "small", 3, 2)
    assert (suite.samples, suite.batch_size, suite.reference) == (100, 16, "dataset")
    assert suite.dataset is not None
    assert suite.dataset.spec == ComponentSpec("digits", {"split": "train"})
    assert suite.features.name == "identity"
    assert [metric.name for metric in suite.metrics] == ["fid", "precision_recall"]
    assert suite.metrics[1].component.k == 5
    assert (suite.precision.model, suite.precision.state) == ("bfloat16", "float32")
    assert suite.limits.timeout == 7200
    assert len(suite.points) == 1
    assert suite.data["seed"] == 3


def test_all_mistakes_are_told_at_once_with_line_and_suggestion(desk) -> None:
    problems = desk.problems(
        """\
nam: broken
samples: 3
dataset: digit
features: {name: identity, scale: 2}
metrics: [fid, {name: precision_recall, k: 5}, fdi, fid]
limits: {timeot: 2h}
plugins: [gone.py]
sweep:
  - model: {name: gaussian, std: -1}
    schedule: {name: geometric, sigma_max: 1, sigma_min: 2}
    sampler: [huen, {name: heun, s_chrun: 40}]
    zap: []
"""
    )
    assert [problem.split(": ")[:2] for problem in problems] == [
        ["1", "key name is missing"],
        ["1", "nam"],
        ["2", "samples"],
        ["3", "dataset"],
        ["4", "features.scale"],
        ["5", "metrics[2]"],
        ["5", "metrics[3]"],
        ["6", "limits.timeot"],
        ["7", "plugins[0]"],
        ["9", "sweep[0].model.std"],
        ["10", "sweep[0].schedule"],
        ["11", "sweep[0].sampler[0]"],
        ["11", "sweep[0].sampler[1].s_chrun"],
        ["12", "sweep[0].zap"],
    ]
    suggested = {p.split(": ")[1]: p.split("did you mean ")[1] for p in problems if "mean" in p}
    assert suggested == {
        "nam": "name?",
        "dataset": "digits?",
        "metrics[2]": "fid?",
        "limits.timeot": "timeout?",
        "sweep[0].sampler[0]": "heun?",
        "sweep[0].sampler[1].s_chrun": "s_churn?",
        "sweep[0].zap": "zip?",
    }


def test_fewer_samples_than_a_metric_needs_are_a_mistake(desk) -> None:
    metrics = "[{name: precision_recall, k: 99}]"
    assert desk.load(metrics=metrics).samples == 100
    assert desk.problems(metrics=metrics, samples="99") == [
        "2: samples: 99 are too few: precision_recall needs 100"
    ]


def test_a_metric_can_not_be_listed_twice(desk) -> None:
    assert desk.problems(
        metrics="[{name: precision_recall, k: 3}, fid, {name: precision_recall}]"
    ) == ["5: metrics[2]: precision_recall is listed twice"]


def test_the_dataset_as_reference_must_be_named(desk) -> None:
    assert desk.problems(dataset=None) == [
        "1: key dataset is missing; name one, or set reference: model"
    ]
    assert desk.load(dataset=None, reference="model").dataset is None


@pytest.mark.parametrize("key", ["dataset", "features", "metrics"])
def test_only_a_block_can_sweep(desk, key: str) -> None:
    value = {"dataset": "[digits]", "features": "[identity]", "metrics": "[[fid]]"}[key]
    (problem,) = desk.problems(**{key: value})
    assert "expected a name or a mapping with a name, got [" in problem


def test_a_metric_that_fails_when_asked_is_told(desk, write_plugin: Write) -> None:
    write_plugin(METRIC, "odd.py")
    assert desk.problems(metrics="[fid, odd]", plugins="[odd.py]") == [
        "5: metrics[1]: minimum_samples: ZeroDivisionError: integer division or modulo by zero"
    ]
    assert desk.problems(samples="11", metrics="[{name: odd, least: 2}]", plugins="[odd.py]") == [
        "2: samples: 11 are too few: odd needs 12"
    ]


def test_too_many_cells_are_a_mistake(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LARGEST_SWEEP", 10)
    assert len(desk.load(repeats="5", sampler="[euler, heun]").points) == 2
    assert desk.problems(repeats="6", sampler="[euler, heun]") == [
        "10: repeats: more than 10 cells"
    ]
    assert "repeats: more than 10 cells" in desk.problems(repeats=str(10**100))[0]


def test_plugins_and_paths_are_relative_to_the_suite(
    desk, write_plugin: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_plugin(SAMPLER, "sub/mine.py")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    suite = desk.load(sampler="{name: mine, table: data/t.csv}", plugins="[sub/mine.py]")
    (point,) = suite.points
    assert point.sampler.component.table == tmp_path / "data" / "t.csv"
    assert suite.host.components("sampler")["mine"].origin == str(path)


def test_plugins_may_be_in_the_users_home(
    desk, write_plugin: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_plugin(SAMPLER, "home/mine.py")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert desk.column("sampler", sampler="mine", plugins="[~/mine.py]") == ["mine"]


def test_a_plugin_of_the_suite_the_caller_and_the_environment_is_used_once(
    desk, write_plugin: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_plugin(SAMPLER, "mine.py")
    monkeypatch.setenv("SCOREBENCH_PLUGINS", str(path))
    monkeypatch.chdir(tmp_path)
    desk.path.write_text(desk.text(sampler="mine", plugins="[mine.py]"))
    suite = load_suite(Path("suite.yaml"), plugins=[tmp_path / ".." / tmp_path.name / "mine.py"])
    assert [point.sampler.name for point in suite.points] == ["mine"]


def test_a_broken_plugin_disturbs_only_who_uses_it(desk, write_plugin: Write) -> None:
    path = write_plugin("import no_such_module_here\n" + SAMPLER, "mine.py")
    suite = desk.load(plugins="[mine.py]")
    reason = f"plugin {path}: ModuleNotFoundError: No module named 'no_such_module_here'"
    assert [str(broken) for broken in suite.host.broken] == [reason]
    (problem,) = desk.problems(sampler="mine", plugins="[mine.py]")
    assert problem.startswith("9: sweep[0].sampler: unknown sampler 'mine'; ")
    assert problem.endswith(f"[{reason}]")


def test_a_component_that_raises_is_told_where_it_is_used(desk, write_plugin: Write) -> None:
    source = SAMPLER.replace("    table", "    def __post_init__(self): 1 / 0\n    table")
    write_plugin(source, "mine.py")
    assert desk.problems(sampler="mine", plugins="[mine.py]") == [
        "9: sweep[0].sampler: ZeroDivisionError: division by zero"
    ]


def test_two_plugins_of_one_name_are_told_to_who_uses_it(desk, write_plugin: Write) -> None:
    first, second = (write_plugin(SAMPLER, name) for name in ("first.py", "second.py"))
    plugins = "[first.py, second.py]"
    assert desk.column("sampler", plugins=plugins) == ["euler"]
    assert desk.problems(sampler="mine", plugins=plugins) == [
        f"9: sweep[0].sampler: sampler 'mine' is registered twice: by {first} and {second}"
    ]


def test_the_plugins_of_one_suite_are_not_those_of_another(desk, write_plugin: Write) -> None:
    write_plugin(SAMPLER, "a/mine.py")
    write_plugin(SAMPLER.replace("table", "figure"), "b/mine.py")
    first = desk.load(sampler="{name: mine, table: t}", plugins="[a/mine.py]")
    second = desk.load(sampler="{name: mine, figure: f}", plugins="[b]")
    names = [{*vars(suite.points[0].sampler.component)} for suite in (first, second)]
    assert names == [{"table"}, {"figure"}]
    (problem,) = desk.problems(sampler="mine")
    assert "unknown sampler 'mine'" in problem


def test_a_plugin_that_can_not_be_found_is_told_with_its_line(desk, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    problems = desk.problems(
        plugins=f'[gone.py, empty, {"n" * 300}.py, "nul\\0.py", ~no_one_here/x.py]'
    )
    assert [problem.partition(": ")[2].split(": ")[0] for problem in problems] == [
        f"plugins[{i}]" for i in range(5)
    ]
    assert "gone.py is not a Python file or a folder of them" in problems[0]


def test_a_plugin_that_the_caller_names_must_exist(desk, tmp_path: Path) -> None:
    desk.path.write_text(desk.text())
    with pytest.raises(UserError, match=r"gone\.py is not a Python file"):
        load_suite(desk.path, plugins=[tmp_path / "gone.py"])


def test_a_file_that_can_not_be_read_is_the_users_mistake(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.yaml", tmp_path, str(tmp_path / "gone.yaml")):
        with pytest.raises(UserError, match=str(path)):
            load_suite(path)


def test_validating_writes_nothing(
    desk, tmp_path: Path, write_plugin: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "cache", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("SCOREBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write_plugin(SAMPLER, "mine.py")
    desk.path.write_text("")
    before = set(tmp_path.rglob("*"))
    desk.load(plugins="[mine.py]", model="factor_mixture", features="digits_cnn")
    desk.problems(sampler="huen")
    assert set(tmp_path.rglob("*")) == before


def test_validating_imports_no_torch_where_no_component_needs_it(desk, python: Python) -> None:
    desk.path.write_text(desk.text(sampler="[euler, heun]", metrics="[fid, precision_recall]"))
    code = """
import sys
from scorebench.suite.load import load_suite
print(len(load_suite(sys.argv[1]).points))
print([name for name in ("torch", "pandas", "sklearn", "PIL") if name in sys.modules])
"""
    assert python("-c", code, desk.path).stdout.splitlines() == ["2", "[]"]


VALID: dict[str, Any] = {
    "name": "full",
    "seed": 0,
    "repeats": 2,
    "samples": 100,
    "batch_size": 16,
    "dataset": {"name": "digits", "split": "train"},
    "reference": "dataset",
    "features": "identity",
    "metrics": ["fid", {"name": "precision_recall", "k": 3}],
    "plugins": [],
    "precision": {"state": "float32"},
    "limits": {"timeout": "2h", "retries": 1},
    "sweep": [
        {
            "model": {"name": "gaussian", "mean": [0, 1]},
            "schedule": {"name": "geometric", "n": [2, 3], "sigma_max": [5, 7]},
            "sampler": [
                {"name": "heun", "denoise": [True, False]},
                {"name": "langevin", "step_size": "1e-3"},
            ],
            "exclude": [{"schedule.n": 2, "sampler.denoise": True}],
            "zip": [["schedule.n", "schedule.sigma_max"]],
        }
    ],
}


def places(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in nested data."""
    items = value.items() if isinstance(value, dict) else ()
    for step, inner in enumerate(value) if isinstance(value, list) else items:
        yield (*above, step)
        yield from places(inner, (*above, step))


words = st.sampled_from(
    [place[-1] for place in places(VALID) if isinstance(place[-1], str)]
    + ["euler", "karras", "gaussian_mixture", "factor_mixture", "means", "std", "path", "sampler"]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text(max_size=8)
    | words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words | st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
mutations = st.tuples(
    st.sampled_from(list(places(VALID))), st.sampled_from(["set", "add", "drop"]), words, values
)


def mutated(changes: list[tuple[Any, str, str, Any]]) -> dict[str, Any]:
    data = copy.deepcopy(VALID)
    for (*above, last), change, word, value in changes:
        around: Any = data
        try:
            for step in above:
                around = around[step]
            if change == "set":
                around[last] = value
            elif change == "add":
                around[last][word] = value
            else:
                del around[last]
        except (KeyError, IndexError, TypeError):  # an earlier change has taken the place away
            continue
    return data


def told_of(path: Path) -> list[str]:
    try:
        load_suite(path)
    except SuiteError as error:
        return list(error.problems)
    except UserError as error:
        return [str(error)]
    return []


def test_the_suite_that_is_mutated_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(pyyaml.safe_dump(VALID))
    assert told_of(path) == []


fuzzed = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@fuzzed
@given(changes=st.lists(mutations, min_size=1, max_size=3))
def test_any_change_of_a_suite_is_sound_or_told_in_clear_lines(
    changes: list[Any], tmp_path: Path
) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(pyyaml.safe_dump(mutated(changes), sort_keys=False))
    told = told_of(path)
    assert all(line.startswith(f"{path}:") and len(line.splitlines()) == 1 for line in told)


@fuzzed
@given(content=st.binary() | st.text().map(str.encode))
def test_any_file_is_told_to_be_no_suite(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    told = told_of(path)
    assert told
    assert all(line.startswith(f"{path}:") for line in told)
    os.remove(path)
