"""Suites, overrides and plans: whatever a file says, the user is told or has a suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from scorebench.engine.drive import prepare
from scorebench.suite.load import load_suite
from scorebench.suite.sweep import ROLES
from scorebench.suite.yaml import dump, parse

from .budget import inputs
from .spoiling import WORDS, YAML, spoiled_text, spoiled_values
from .watch import reading

ROOT = Path(__file__).parents[2]
SUITES = [path.read_text() for path in sorted((ROOT / "suites").glob("*.yaml"))]
SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 1,
    "repeats": 2,
    "samples": 40,
    "batch_size": 16,
    "dataset": {"name": "draws", "model": {"name": "gaussian", "mean": [0.0]}, "samples": 50},
    "reference": "model",
    "features": "identity",
    "metrics": ["fid", {"name": "precision_recall", "k": 3}],
    "plugins": [],
    "precision": {"state": "float32", "model": "float64"},
    "limits": {"timeout": "1m30s", "retries": 1},
    "sweep": [
        {
            "model": {"name": "gaussian", "mean": [1.0, -1.0], "std": 0.5},
            "schedule": {"name": "geometric", "n": [3, 5], "sigma_max": 5, "sigma_min": 0.1},
            "sampler": ["euler", {"name": "heun", "s_churn": [0, 1]}],
            "exclude": [{"schedule.n": 3, "sampler": "euler"}],
        },
        {
            "model": [{"name": "gaussian_mixture", "weights": [1.0], "means": [[0.0, 1.0]]}],
            "schedule": {"name": "explicit", "sigmas": [2.0, 1.0]},
            "sampler": {
                "name": "annealed_langevin",
                "step_size": [1e-3, 0.1],
                "steps_per_level": [1, 2],
            },
            "zip": [["sampler.step_size", "sampler.steps_per_level"]],
        },
    ],
}
SETTINGS = [
    "samples=9",
    "sweep[0].schedule.n=[5, 20]",
    "sweep[*].model=gaussian",
    "limits.timeout=1m",
]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the suite; the working directory is a folder of its own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "suite.yaml"


def load(path: Path, content: str, *settings: str) -> Any:
    path.write_bytes(content.encode(errors="surrogatepass"))
    return reading(lambda: load_suite(path, settings=settings))


def test_the_small_suite_is_sound(path: Path) -> None:
    suite = load(path, dump(SMALL), "seed=2")
    assert (suite.seed, len(suite.points)) == (2, 7)


@pytest.mark.slow
@inputs("suite text")
@given(spoiled_text([*SUITES, dump(SMALL)], [*YAML, *map(str, WORDS)]))
def test_spoiled_suites(path: Path, content: str) -> None:
    load(path, content)


@pytest.mark.slow
@inputs("suite values")
@given(spoiled_values([SMALL, *map(pyyaml.safe_load, SUITES)]))
def test_suites_with_spoiled_values(path: Path, data: Any) -> None:
    load(path, pyyaml.safe_dump(data))


@inputs("YAML text")
@given(st.lists(st.sampled_from([*YAML, *"a1:-,[]{}&*|>'\"? \n"]), max_size=40).map("".join))
def test_any_text_as_yaml(content: str) -> None:
    reading(lambda: parse(content, "suite.yaml").stop_if_problems())


@inputs("overrides")
@given(
    st.lists(
        spoiled_text(SETTINGS, [*YAML, *WORDS, "[*]", "[0]", "[999999999]", ".", "="]), max_size=3
    )
)
def test_overrides(path: Path, settings: list[str]) -> None:
    load(path, dump(SMALL), *settings)


@inputs("plans")
@given(st.sampled_from(SMALL["sweep"]), st.sampled_from(sorted(ROLES)), st.data())
def test_plans_of_suites_with_spoiled_components(
    path: Path, block: dict[str, Any], role: str, data: st.DataObject
) -> None:
    spoiled = {**block, role: data.draw(spoiled_values([block[role]]))}
    suite = load(path, pyyaml.safe_dump({**SMALL, "sweep": [spoiled]}))
    if suite is not None:
        results = Path("results").resolve()
        results.mkdir(exist_ok=True)
        reading(lambda: prepare(suite, results=results), results)
