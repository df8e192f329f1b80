"""What differs between machines is found and named."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scorebench.engine.alike import difference, installed, installed_modules
from scorebench.engine.parcel import pack
from scorebench.running.plan import make_plan
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite

PLUGIN = """
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class Mine(scorebench.Sampler):
    def trajectory(self, model, sigmas, noise):
        yield self.start(model, sigmas[0], noise)

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("mine", Mine)
"""


def test_the_modules_of_components_are_compared_unless_they_travel(
    small_suite: dict[str, Any],
    write_suite: Callable[..., Path],
    write_plugin: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    small_suite["plugins"] = [str(write_plugin(PLUGIN))]
    small_suite["sweep"][0]["sampler"] = ["euler", "mine"]
    suite = load_suite(write_suite(small_suite))
    bench = Workbench(suite, torch.device("cpu"))
    cells = make_plan(bench).cells
    names = installed_modules(suite, cells, pack(bench, cells).sources)
    assert all(name.startswith("scorebench_plugins.") for name in names)
    assert "scorebench_plugins.samplers.euler" in names
    assert "scorebench_plugins.metrics.fid" in names
    ours = installed(names)
    assert difference(ours, installed(names)) is None
    for what, told in [
        ("the source of scorebench_plugins.samplers.euler", "the source of scorebench_plugins."),
        ("the source of scorebench", "the source of scorebench differs"),
        ("torch", "it has torch 1.0, not "),
    ]:
        found = difference(ours, {**ours, what: "1.0"})
        assert found is not None
        assert found.startswith(told)


def test_a_module_that_a_machine_lacks_differs() -> None:
    ours = installed(["scorebench_plugins.samplers.heun"])
    theirs = installed(["scorebench_plugins.samplers.nowhere"])
    told = difference(ours, theirs)
    assert told == "the source of scorebench_plugins.samplers.heun differs"
