"""What tests of engines share: a planned suite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from scorebench.running.plan import make_plan
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite


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
