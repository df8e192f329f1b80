"""The frame of the kit: running checks one by one, and as pytest cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import scorebench
from scorebench import Context, UserError
from scorebench.plugin.component import KINDS
from scorebench.plugin.host import default_host
from scorebench.testing import Outcome, conformance, run_checks
from scorebench.testing.conformance import checks_of, describe, settings
from tests.conftest import Python

HALVING = """
from dataclasses import dataclass
from typing import ClassVar
import scorebench

@dataclass(frozen=True, kw_only=True)
class Halving(scorebench.NoiseSchedule):
    examples: ClassVar = ({"n": 3}, {"n": 5, "first": [2, 4]})
    n: int
    first: list[float] = (1.0,)

    def sigmas(self, context):
        import torch

        return self.first[0] * 0.5 ** torch.arange(self.n - (self.n > 4), dtype=torch.float64)

@scorebench.hookimpl
def scorebench_noise_schedules():
    yield scorebench.Component("halving", Halving)
"""


@dataclass(frozen=True, kw_only=True)
class Raising:
    """A schedule that ends as it is told to."""

    error: BaseException

    def sigmas(self, context: Context) -> Tensor:
        raise self.error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UserError("no such\nfile"), "no such file"),
        (KeyError("sigma"), "raised KeyError: 'sigma' (test_kit.py, line "),
        (SystemExit(3), "raised calls sys.exit(3)"),
    ],
)
def test_a_check_that_raises_has_failed_in_one_line(error: BaseException, told: str) -> None:
    found = list(run_checks("noise_schedule", Raising(error=error)))
    assert len(found) == len(checks_of("noise_schedule"))
    for outcome, check in zip(found, checks_of("noise_schedule"), strict=True):
        assert outcome.check == check.__name__.replace("_", " ")
        assert outcome.passed is False
        assert outcome.message.startswith(told)
        assert "\n" not in outcome.message


def test_components_are_tried_in_float64_unless_told_otherwise() -> None:
    seen = []

    @dataclass(frozen=True, kw_only=True)
    class Watching:
        def sigmas(self, context: Context) -> Tensor:
            seen.append(context.dtype)
            return torch.ones(1, dtype=torch.float64)

    list(run_checks("noise_schedule", Watching()))
    assert seen[0] == torch.float64
    seen.clear()
    list(run_checks("noise_schedule", Watching(), context=Context(dtype="bfloat16")))
    assert seen[0] == torch.bfloat16


@pytest.mark.parametrize("kind", KINDS)
def test_outcomes_are_called_as_their_checks_are(kind: Any) -> None:
    host = default_host()
    checks = checks_of(kind)
    assert len({check.__name__ for check in checks}) == len(checks)
    assert all(check.__doc__ for check in checks)
    first = next(name for name in host.components(kind) if settings(host.find(kind, name)))
    component = scorebench.build(kind, first, **settings(host.find(kind, first))[0])
    for check, outcome in zip(checks, run_checks(kind, component), strict=True):
        assert outcome.check == check.__name__.replace("_", " ")


def test_examples_are_the_defaults_unless_the_class_says_otherwise() -> None:
    assert settings(object) == ({},)
    assert settings(type("Mine", (), {"examples": ()})) == ()
    assert describe({"n": 3, "way": "up", "means": [[1, 2], [3, 4]]}) == (
        "n=3 way=up means=[[1,2],[3,4]]"
    )


def cases(test: Callable[..., None]) -> list[Any]:
    (mark,) = test.pytestmark  # type: ignore[attr-defined]
    return list(mark.args[1])


@pytest.mark.parametrize("kind", KINDS)
def test_every_installed_component_is_covered_by_cases_of_its_own(kind: Any) -> None:
    found = cases(conformance(kind))
    host = default_host()
    wanted = {name for name in host.components(kind) if settings(host.find(kind, name))}
    assert {case.values[0] for case in found} == wanted
    ids = [case.id for case in found]
    assert len(set(ids)) == len(ids)
    assert not [i for i in ids if " " in i]


def test_cases_of_one_component_are_named_for_what_they_try(write_plugin: Any) -> None:
    path = write_plugin(HALVING)
    ids = [case.id for case in cases(conformance("noise_schedule", "halving", plugins=[path]))]
    assert len(ids) == 2 * len(checks_of("noise_schedule"))
    assert ids[0] == "halving-n=3-valid-levels"
    assert ids[-1] == "halving-n=5-first=[2,4]-same-levels-in-any-precision"
    given = conformance("noise_schedule", "halving", plugins=[path], parameters=[{"n": 2}])
    assert {case.values[1]["n"] for case in cases(given)} == {2}


def test_an_unknown_component_ends_the_collection() -> None:
    with pytest.raises(UserError, match="did you mean heun"):
        conformance("sampler", "hein")


def test_pytest_runs_a_case_for_each_check(
    write_plugin: Any, tmp_path: Path, python: Python
) -> None:
    write_plugin(HALVING, "halving.py")
    (tmp_path / "test_halving.py").write_text(
        "import scorebench.testing\n"
        'test_it = scorebench.testing.conformance("noise_schedule", "halving", '
        'plugins=["halving.py"])\n'
    )
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_halving.py", code=1)
    assert "1 failed, 7 passed" in done.stdout
    assert "test_it[halving-n=5-first=[2,4]-declared-length]" in done.stdout
    assert "declared length: levels found: 4, for n = 5" in done.stdout


def test_importing_the_kit_needs_neither_pytest_nor_torch(python: Python) -> None:
    code = "import sys, scorebench.testing; print([m for m in ('pytest', 'torch') if m in "
    code += "sys.modules])"
    assert python("-c", code).stdout.strip() == "[]"


def test_an_outcome_says_what_why_and_how_much() -> None:
    outcome = Outcome("batch invariance", True, "differs by at most 2.1e-16")
    assert (outcome.check, outcome.passed) == ("batch invariance", True)
    with pytest.raises(AttributeError):
        outcome.passed = False  # type: ignore[misc]
