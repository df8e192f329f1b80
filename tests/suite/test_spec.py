from __future__ import annotations

from typing import Any

import pytest

from scorebench.suite.shape import check_shape
from scorebench.suite.spec import SuiteFile
from scorebench.suite.yaml import parse

FULL = """\
name: full
seed: 3
repeats: 6
samples: 10000
batch_size: 128
dataset: {name: cifar10, split: train}
reference: model
features: inception
metrics: [fid, {name: kid, subsets: 5}]
plugins: [a.py, b]
precision: {state: float64, model: bfloat16}
limits: {timeout: 1h30m, retries: 1}
sweep:
  - model: a
    schedule: {name: b, n: [1, 2]}
    sampler: [c, {name: d, x: 1}]
    exclude: [{schedule.n: 1, sampler.x: 1}]
    zip: [[schedule.n, sampler.x]]
  - {model: a, schedule: b, sampler: c}
"""

# What each line of FULL may be replaced with, and what is told of it.
WRONG = {
    "name: full": {
        "name: 5": "name: expected a word, got 5",
        "name: [a]": "name: expected a word, got ['a']",
        "name: ../up": "name: '../up' must be letters, digits, '_', '.' and '-', at most 100",
        "name: ''": "name: '' must be letters",
        f"name: {'n' * 101}": "name: 'nnnn",
        "name:": "name: must not be empty",
    },
    "seed: 3": {
        "seed: -1": "seed: expected greater than or equal to 0, got -1",
        "seed: 1.5": "seed: expected a whole number, got 1.5",
        "seed: true": "seed: expected a number, got True",
        "seed: 0x8000000000000000": "seed: expected less than 92233720368547",
        "seed:": "seed: expected a whole number, got None",
    },
    "repeats: 6": {
        "repeats: 0": "repeats: expected greater than or equal to 1, got 0",
        "repeats: many": "repeats: expected a whole number, got 'many'",
        "repeats: true": "repeats: expected a number, got True",
    },
    "samples: 10000": {
        "samples: 0": "samples: expected greater than or equal to 1, got 0",
        "samples: 1_000x": "samples: expected a whole number, got '1_000x'",
        "samples: [1, 2]": "samples: expected a whole number, got [1, 2]",
        "samples: true": "samples: expected a number, got True",
        "samples: .inf": "samples: expected a finite number, got inf",
        "samples:": "samples: must not be empty",
    },
    "batch_size: 128": {
        "batch_size: 0": "batch_size: expected greater than or equal to 1, got 0",
        "batch_size: false": "batch_size: expected a number, got False",
    },
    "reference: model": {
        "reference: data": "reference: expected 'dataset' or 'model', got 'data'",
        "reference: [model]": "reference: expected 'dataset' or 'model', got ['model']",
    },
    "features: inception": {"features:": "features: must not be empty"},
    "metrics: [fid, {name: kid, subsets: 5}]": {
        "metrics: fid": "metrics: expected a list, got 'fid'",
        "metrics: {name: fid}": "metrics: expected a list, got {'name': 'fid'}",
        "metrics: []": "metrics: must not be empty",
        "metrics:": "metrics: must not be empty",
    },
    "plugins: [a.py, b]": {
        "plugins: a.py": "plugins: expected a list, got 'a.py'",
        "plugins: [3]": "plugins[0]: expected a word, got 3",
        "plugins:": "plugins: expected a list, got None",
    },
    "precision: {state: float64, model: bfloat16}": {
        "precision: float32": "precision: expected a mapping, got 'float32'",
        "precision: {state: float16}": "precision.state: expected 'float32' or 'float64'",
        "precision: {model: int8}": "precision.model: expected 'float32', 'float64', 'bfloat16' or",
        "precision: {modle: float32}": "precision.modle: unknown key; did you mean model?",
    },
    "limits: {timeout: 1h30m, retries: 1}": {
        "limits: 2h": "limits: expected a mapping, got '2h'",
        "limits: {timeout: 2 hours}": "limits.timeout: expected seconds or e.g. 1h30m, got '2",
        "limits: {timeout: [2h]}": "limits.timeout: expected seconds or e.g. 1h30m, got ['2h']",
        "limits: {timeout: 0}": "limits.timeout: expected greater than 0, got 0",
        "limits: {timeout: 0s}": "limits.timeout: expected greater than 0, got '0s'",
        "limits: {timeout: .nan}": "limits.timeout: expected greater than 0, got nan",
        "limits: {timeout: true}": "limits.timeout: expected a number, got True",
        "limits: {retries: -1}": "limits.retries: expected greater than or equal to 0, got -1",
        "limits: {retries: true}": "limits.retries: expected a number, got True",
        "limits: {retry: 1}": "limits.retry: unknown key; did you mean retries?",
    },
    "  - model: a": {
        "  - zap: 1\n    model: a": "sweep[0].zap: unknown key; did you mean zip?",
    },
    "    exclude: [{schedule.n: 1, sampler.x: 1}]": {
        "    exclude: {schedule.n: 1}": "sweep[0].exclude: expected a list, got {'schedule.n': 1}",
        "    exclude: [schedule.n]": "sweep[0].exclude[0]: expected a mapping, got 'schedule.n'",
        "    exclude: [{}]": "sweep[0].exclude[0]: must not be empty",
    },
    "    zip: [[schedule.n, sampler.x]]": {
        "    zip: [schedule.n]": "sweep[0].zip[0]: expected a list, got 'schedule.n'",
        "    zip: [[schedule.n]]": "sweep[0].zip[0]: must have at least 2 items",
        "    zip: [[schedule.n, 3]]": "sweep[0].zip[0][1]: expected a word, got 3",
    },
    "  - {model: a, schedule: b, sampler: c}": {
        "  - gaussian": "sweep[1]: expected a mapping, got 'gaussian'",
        "  -": "sweep[1]: must not be empty",
        "  - {model: a, sampler: c}": "sweep[1]: key schedule is missing",
    },
}
CASES = [(old, new, told) for old, each in WRONG.items() for new, told in each.items()]


def problems_of(text: str) -> list[str]:
    document = parse(text, "s.yaml")
    check_shape(document, SuiteFile)
    return [told for _, told in sorted(document.problems, key=lambda problem: problem[0])]


def test_a_full_suite_has_the_shape() -> None:
    document = parse(FULL, "s.yaml")
    file = check_shape(document, SuiteFile)
    assert document.problems == {}
    assert isinstance(file, SuiteFile)
    assert (file.seed, file.repeats, file.samples, file.batch_size) == (3, 6, 10_000, 128)
    assert (file.precision.state, file.precision.model) == ("float64", "bfloat16")
    assert (file.limits.timeout, file.limits.retries) == (5400, 1)
    assert [block is not None and block.model for block in file.sweep] == ["a", "a"]


@pytest.mark.parametrize(("old", "new", "told"), CASES)
def test_every_wrong_value_is_told_with_line_and_path(old: str, new: str, told: str) -> None:
    (problem, *others) = problems_of(FULL.replace(old, new))
    where, _, what = problem.partition(": ")
    line = FULL.splitlines().index(old) + 1
    assert where == f"s.yaml:{line}"
    assert what.startswith(told)
    assert others == []


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = FULL
    for old, each in WRONG.items():
        text = text.replace(old, next(iter(each)))
    lines = [int(told.split(":")[1]) for told in problems_of(text)]
    assert lines == sorted(lines)
    assert len(set(lines)) == len(WRONG)


@pytest.mark.parametrize("key", SuiteFile.REQUIRED)
def test_a_missing_key_is_told(key: str) -> None:
    data = [part for part in FULL.split("\n") if not part.startswith((key, " "))]
    if key != "sweep":
        data = [*data, "  - {model: a, schedule: b, sampler: c}"]
    assert problems_of("\n".join(data)) == [f"s.yaml:1: key {key} is missing"]


@pytest.mark.parametrize("text", ["", "just words", "[name, samples]", "3"])
def test_a_suite_is_a_mapping(text: str) -> None:
    (told,) = problems_of(text)
    assert "a suite is a mapping: name, samples, features, metrics, sweep, …" in told


def test_several_mistakes_in_one_place_are_all_told() -> None:
    text = FULL.replace("{timeout: 1h30m, retries: 1}", "{timeout: -1, retries: -1, foo: 2}")
    assert [told.split(": ")[1] for told in problems_of(text)] == [
        "limits.timeout",
        "limits.retries",
        "limits.foo",
    ]


def test_what_is_sound_survives_a_mistake_beside_it() -> None:
    document = parse(FULL.replace("seed: 3", "seed: x").replace("model: a\n", "modle: a\n"), "s")
    file = check_shape(document, SuiteFile)
    assert file is not None
    assert (file.seed, file.repeats) == (0, 6)
    assert file.sweep[0] is None
    assert file.sweep[1] is not None
    assert file.sweep[1].model == "a"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2h", 7200),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("90", 90),
        ("'90'", 90),
        ("0.5", 0.5),
        ("1.5m", 90),
        ("90s", 90),
        ("2d", 172_800),
        ("1:30", 90),  # as YAML reads it
        ("1e3", 1000),
        ("null", None),
    ],
)
def test_durations_are_seconds_or_words(written: str, seconds: float | None) -> None:
    document = parse(FULL.replace("1h30m", written), "s.yaml")
    file = check_shape(document, SuiteFile)
    assert document.problems == {}
    assert file is not None
    assert file.limits.timeout == seconds


@pytest.mark.parametrize("written", ["h", "'2h3'", "-1h", "1 hour", "h2", "2H", "1.h"])
def test_other_words_are_no_durations(written: str) -> None:
    document = parse(FULL.replace("1h30m", written), "s.yaml")
    check_shape(document, SuiteFile)
    ((_, told),) = document.problems
    assert "limits.timeout: expected seconds or e.g. 1h30m, got " in told


@pytest.mark.parametrize(
    ("default", "value"),
    [("seed", 0), ("repeats", 1), ("batch_size", 256), ("reference", "dataset"), ("plugins", [])],
)
def test_keys_that_may_be_left_out_have_defaults(default: str, value: Any) -> None:
    text = "\n".join(line for line in FULL.split("\n") if not line.startswith(default))
    file = check_shape(parse(text, "s.yaml"), SuiteFile)
    assert getattr(file, default) == value


def test_numbers_may_be_words() -> None:
    file = check_shape(
        parse(FULL.replace("samples: 10000", "samples: '1_000'"), "s.yaml"), SuiteFile
    )
    assert file is not None
    assert file.samples == 1000


def test_the_document_is_left_as_it_was() -> None:
    text = FULL.replace("seed: 3", "seed: x")
    document = parse(text, "s.yaml")
    check_shape(document, SuiteFile)
    assert document.data == parse(text, "s.yaml").data
