"""What tests of engines share: a planned suite, a plugin of two files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from scorebench.running.plan import make_plan
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite

MINE = """
from dataclasses import dataclass
import scorebench
from mine_helper import SHRINK

@dataclass(frozen=True, kw_only=True)
class Mine(scorebench.Sampler):
    def trajectory(self, model, sigmas, noise):
        yield SHRINK * model.denoise(self.start(model, sigmas[0], noise), sigmas[0])

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("mine", Mine)
"""


@pytest.fixture
def planned(tmp_path: Path, small_suite: dict[str, Any]) -> Callable[..., Any]:
    """The workbench of the small suite with changes, and its cells."""

    def plan(block: dict[str, Any] | None = None, **changes: Any) -> Any:
        sweep = [{**small_suite["sweep"][0], **(block or {})}]
        path = tmp_path / "suite.yaml"
        path.write_text(yaml.safe_dump({**small_suite, "sweep": sweep, **changes}))
        bench = Workbench(load_suite(path), torch.device("cpu"))
        return bench, list(make_plan(bench).cells)

    return plan


@pytest.fixture
def mine(write_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A plugin whose sampler shrinks what it denoises by a factor in a file beside it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    write_plugin("SHRINK = 1.0\n", "mine_helper.py")
    yield write_plugin(MINE, "mine.py")
    sys.modules.pop("mine_helper", None)
