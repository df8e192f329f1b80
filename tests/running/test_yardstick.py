from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite

PLUGIN = """
    from dataclasses import dataclass
    from pathlib import Path
    import scorebench

    @dataclass(frozen=True, kw_only=True)
    class Weighed(scorebench.Metric):
        weights: Path

        version = {version}

        def prepare(self, reference, context):
            return {{}}

        def compute(self, state, generated):
            return {{"weighed": 1.0}}

    @scorebench.hookimpl
    def scorebench_metrics():
        yield scorebench.Component("weighed", Weighed)
"""

DIGITS = {
    "reference": "dataset",
    "dataset": {"name": "digits", "split": "test"},
    "features": "digits_cnn",
    "metrics": ["fid", "inception_score"],
    "sweep": [{"model": "factor_mixture", "schedule": "karras", "sampler": "heun"}],
}


@pytest.fixture
def columns(
    small_suite: dict[str, Any], write_suite: Callable[..., Path]
) -> Callable[..., dict[str, Any]]:
    """The columns for the first model of the small suite, with changes."""

    def of(**changes: Any) -> dict[str, Any]:
        bench = Workbench(load_suite(write_suite({**small_suite, **changes})), torch.device("cpu"))
        return bench.yardstick(bench.suite.points[0].model)

    return of


def test_what_a_row_records(columns: Callable[..., dict[str, Any]]) -> None:
    found = columns(**DIGITS)
    assert {k: v for k, v in found.items() if not k.endswith(("digest", "yardstick"))} == {
        "features": "digits_cnn",
        "reference": "digits",
        "reference.split": "test",
        "reference_samples": 359,
        **{k: v for k, v in found.items() if k.startswith("metric.fid.") and "yard" not in k},
        "metric.inception_score.splits": 10,
        "metric.inception_score.version": 1,
    }
    assert found["metric.fid.version"] == 1
    assert found.keys() >= {"features_digest", "reference_digest", "metric.fid.yardstick"}
    assert columns(**DIGITS) == found


@pytest.mark.parametrize(
    ("change", "unequal"),
    [
        ({"dataset": {"name": "digits", "split": "train"}}, {"fid"}),
        ({"features": "identity", "metrics": ["fid"]}, {"fid"}),
        ({"metrics": ["fid", {"name": "inception_score", "splits": 5}]}, {"inception_score"}),
        ({"samples": 50, "batch_size": 7, "seed": 3}, set()),
    ],
)
def test_what_makes_metrics_incomparable(
    columns: Callable[..., dict[str, Any]], change: dict[str, Any], unequal: set[str]
) -> None:
    before, after = columns(**DIGITS), columns(**{**DIGITS, **change})
    names = [name for name in ("fid", "inception_score") if f"metric.{name}.yardstick" in after]
    key = "metric.{}.yardstick".format
    assert {name for name in names if before[key(name)] != after[key(name)]} == unequal


def test_exact_samples_are_the_models_own(columns: Callable[..., dict[str, Any]]) -> None:
    def of(**model: Any) -> Any:
        block = {"schedule": "karras", "sampler": "heun"}
        return columns(sweep=[{"model": {"name": "gaussian", "std": 0.5, **model}, **block}])

    near, far = of(mean=[0.0, 0.0]), of(mean=[1.0, 0.0])
    assert (near["reference"], near["reference_samples"]) == ("model", 40)
    assert near["features_digest"] == far["features_digest"]
    assert near["reference_digest"] != far["reference_digest"]
    assert near["metric.fid.yardstick"] != far["metric.fid.yardstick"]


def test_files_count_by_content_and_numbers_by_version(
    columns: Callable[..., dict[str, Any]], write_plugin: Callable[..., Path], tmp_path: Path
) -> None:
    def of(weights: bytes, place: str, version: int = 1) -> Any:
        plugin = f"weighed_{version}.py"
        write_plugin(PLUGIN.format(version=version), plugin)
        path = tmp_path / place
        path.write_bytes(weights)
        metric = {"name": "weighed", "weights": str(path)}
        return columns(plugins=[plugin], metrics=[metric])

    first, moved = of(b"1", "a"), of(b"1", "b")
    assert (first["metric.weighed.weights"], moved["metric.weighed.weights"]) == ("a", "b")
    key = "metric.weighed.yardstick"
    assert first[key] == moved[key]
    assert first[key] != of(b"2", "a")[key]
    assert first[key] != of(b"1", "a", version=2)[key]
