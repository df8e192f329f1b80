"""What all tests share: one thread each, a cache of their own, small suites and plugins."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

torch.set_num_threads(1)

Python = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: started last, they would keep one worker busy alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's cache out of tests, and tests out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCOREBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("SCOREBENCH_PLUGINS", raising=False)
        yield


def make_small_suite() -> dict[str, Any]:
    """A suite of four quick cells on a two-dimensional Gaussian."""
    return {
        "name": "small",
        "samples": 40,
        "batch_size": 16,
        "reference": "model",
        "features": "identity",
        "metrics": ["fid"],
        "sweep": [
            {
                "model": {"name": "gaussian", "mean": [1.0, -1.0], "std": 0.5},
                "schedule": {"name": "geometric", "n": [3, 5], "sigma_max": 5, "sigma_min": 0.1},
                "sampler": ["euler", "heun"],
            }
        ],
    }


@pytest.fixture
def small_suite() -> dict[str, Any]:
    return make_small_suite()


@pytest.fixture
def small_training() -> dict[str, Any]:
    """A training config: a tiny network of a mixture in the plane, for a few steps."""
    return {
        "name": "small",
        "target": {
            "name": "gaussian_mixture",
            "weights": [0.5, 0.5],
            "means": [[-2.0, -1.0], [2.0, 0.0]],
            "stds": [0.4, 0.3],
        },
        "draws": 500,
        "network": {"name": "mlp", "width": 16, "depth": 2},
        "objective": "ncsn",
        "schedule": {"name": "geometric", "n": 4, "sigma_max": 6, "sigma_min": 0.1},
        "batch_size": 32,
        "steps": 20,
        "checkpoint_every": 5,
    }


@pytest.fixture
def write_suite(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Write a suite file and return its path."""

    def write(data: dict[str, Any], name: str = "suite.yaml") -> Path:
        path = tmp_path / name
        path.write_text(yaml.safe_dump(data, sort_keys=False))
        return path

    return write


@pytest.fixture
def write_plugin(tmp_path: Path) -> Callable[..., Path]:
    """Write a plugin file and return its path."""

    def write(source: str, name: str = "my_plugin.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    return write


@pytest.fixture
def environment() -> dict[str, str]:
    """Environment variables for a scorebench started as another process."""
    return {**os.environ, "COLUMNS": "120", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def python(tmp_path: Path, environment: dict[str, str]) -> Python:
    """Run another Python, in the test's folder unless told, and check its exit code."""

    def run(
        *arguments: object, code: int = 0, cwd: Path = tmp_path, input: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env={**environment, **variables},
            input=input,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run
