"""``scorebench run`` with engines and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from scorebench.engine.base import EngineOptions, make_engine
from scorebench.errors import UserError
from tests.conftest import Python

RUN = ("-m", "scorebench", "run", "suite.yaml")
BROKEN = """
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class Broken(scorebench.Sampler):
    def trajectory(self, model, sigmas, noise):
        answer = 6 * 7
        raise KeyError("it broke")
        yield

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("broken", Broken)
"""


def test_a_cluster_has_no_device_of_that_name() -> None:
    with pytest.raises(UserError, match="--device cuda:1: with --engine ray it is auto, cpu or"):
        make_engine(EngineOptions(name="ray"), "cuda:1")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"name": "lokal"}, "unknown engine 'lokal'; did you mean local?"),
        ({"workers": 0}, "--workers 0: at least 1 is needed"),
        ({"name": "inline", "workers": 2}, "--workers needs --engine local or ray"),
        ({"debug": True}, "--pdb needs --engine inline"),
        ({"name": "inline", "address": "auto"}, "--ray-address needs --engine ray, not inline"),
    ],
)
def test_options_that_an_engine_lacks_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as caught:
        make_engine(EngineOptions(**options))
    assert told in str(caught.value)


def test_the_plan_tells_what_shared_work_saves_and_workers_run_it(
    tmp_path: Path, small_suite: dict[str, Any], python: Python
) -> None:
    small_suite["sweep"][0] |= {
        "schedule": {"name": "constant", "sigma": 1.0},
        "sampler": {"name": "langevin", "step_size": 0.1, "steps": [10, 100], "denoise": [True]},
    }
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(small_suite))
    done = python(*RUN, "--workers", "2")
    # 40 samples; 11 and 101 evaluations asked for, one walk of 100 and two denoising steps needed.
    told = "4,480 model evaluations asked for, 4,080 to be spent as cells share work"
    assert told in done.stdout
    assert "2 of 2 cells" in done.stdout


def test_a_cell_that_fails_can_be_debugged(
    tmp_path: Path, small_suite: dict[str, Any], python: Python
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    small_suite |= {"plugins": ["broken.py"]}
    small_suite["sweep"][0]["sampler"] = ["broken", "euler"]
    small_suite["sweep"][0]["schedule"]["n"] = 3
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(small_suite))
    done = python(*RUN, "--engine", "inline", "--pdb", input="p answer\nq\n", code=1)
    assert "KeyError: 'it broke'" in done.stderr
    assert "(Pdb) 42" in done.stdout
    assert "2 of 2 cells" in done.stdout
