from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scorebench import UserError
from scorebench.doctor.finding import Finding
from scorebench.doctor.plugins import find_host, plugins, usable

Write = Callable[..., Path]

SCHEDULES = """
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class Mine(scorebench.NoiseSchedule):
    def sigmas(self, context): ...

@scorebench.hookimpl
def scorebench_noise_schedules():
    yield scorebench.Component("mine", Mine)
    yield scorebench.Component("lost", "no_such_module_here:Mine")
"""


def found(*paths: Path) -> dict[str, Finding]:
    host, problems = find_host(paths)
    return {finding.name: finding for finding in [*problems, *plugins(host)]}


def test_the_shipped_components_are_counted() -> None:
    (told,) = found().values()
    assert told.name == "shipped (scorebench: scorebench_plugins)"
    assert "sampler: " in told.text
    assert told.facts["components"]["sampler"] > 20
    assert told.state == "ok"


def test_what_is_broken_is_named_with_its_reason(write_plugin: Write) -> None:
    mine = write_plugin(SCHEDULES, "mine.py")
    broken = write_plugin("import scorebench\nraise OSError('no licence')", "broken.py")
    told = found(mine, broken)
    assert told[str(mine)].text == "noise_schedule: 2"
    assert told[str(broken)] == Finding(str(broken), "OSError: no licence", "broken")
    lost = told["noise_schedule lost"]
    assert lost.state == "broken"
    assert "No module named 'no_such_module_here'" in lost.text
    assert "noise_schedule mine" not in told


def test_a_name_registered_twice_is_told_with_both_origins(write_plugin: Write) -> None:
    paths = [write_plugin(SCHEDULES, name) for name in ("one.py", "two.py")]
    told = found(*paths)["noise_schedule mine"]
    assert told.state == "broken"
    assert told.text.endswith(f"registered twice: by {paths[0]} and {paths[1]}")


def test_what_can_be_used_leaves_out_what_cannot(write_plugin: Write) -> None:
    host, _ = find_host([write_plugin(SCHEDULES)])
    schedules = usable(host, "noise_schedule")
    assert {"mine", "karras"} <= schedules.keys()
    assert "lost" not in schedules
    assert schedules["mine"] is host.find("noise_schedule", "mine")


def test_the_variable_is_heeded_and_if_it_is_wrong_the_rest_is_told(
    write_plugin: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = write_plugin(SCHEDULES, "mine.py")
    monkeypatch.setenv("SCOREBENCH_PLUGINS", str(mine))
    assert str(mine) in found()
    monkeypatch.setenv("SCOREBENCH_PLUGINS", str(tmp_path / "gone.py"))
    told = found(mine)
    assert told["SCOREBENCH_PLUGINS"].state == "broken"
    assert {str(mine), "shipped (scorebench: scorebench_plugins)"} <= told.keys()


def test_a_path_that_is_no_plugin_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"plugin .*gone\.py is not a Python file"):
        find_host([tmp_path / "gone.py"])
