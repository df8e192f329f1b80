from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scorebench.running.cell import Result
from scorebench.running.measuring import run_cell
from scorebench.running.plan import make_plan
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite

TROUBLE = """
    from dataclasses import dataclass
    import sys, time, torch, scorebench

    @dataclass(frozen=True, kw_only=True)
    class Trouble(scorebench.Sampler):
        what: str

        def trajectory(self, model, sigmas, noise):
            x = self.start(model, sigmas[0], noise)
            model.score(x, sigmas[0])
            if self.what == "raise":
                raise KeyError("it broke\\nbadly")
            if self.what == "exit":
                sys.exit(3)
            if self.what == "interrupt":
                raise KeyboardInterrupt
            if self.what == "memory":
                raise torch.OutOfMemoryError("no room")
            if self.what == "shape":
                x = x[:, :1]
            if self.what == "explode":
                x = x * float("inf")
            while self.what == "hang":
                time.sleep(0.01)
                yield x
            yield x

    @scorebench.hookimpl
    def scorebench_samplers():
        yield scorebench.Component("trouble", Trouble)
"""


@pytest.fixture
def run(
    small_suite: dict[str, Any], write_suite: Callable[..., Path], write_plugin: Callable[..., Path]
) -> Callable[..., Result]:
    """Run the first cell of the small suite with changes to it and to its only block."""

    def go(block: dict[str, Any] | None = None, **changes: Any) -> Result:
        write_plugin(TROUBLE, "trouble.py")
        sweep = [{**small_suite["sweep"][0], **(block or {})}]
        suite = {**small_suite, "plugins": ["trouble.py"], "sweep": sweep, **changes}
        bench = Workbench(load_suite(write_suite(suite)), torch.device("cpu"))
        return run_cell(bench, make_plan(bench).cells[0])

    return go


def test_a_row_says_what_was_done_and_what_it_cost(run: Callable[..., Result]) -> None:
    row = run({"sampler": "heun"}).row
    assert row["status"] == "ok"
    assert row["error"] is None
    assert (row["n_sigmas"], row["nfe"], row["samples"], row["seed"]) == (3, 5, 40, 0)
    assert row["seconds_sampling"] + row["seconds_features"] + row["seconds_metrics"] > 0
    assert row["seconds"] >= row["seconds_sampling"]
    assert row["samples_per_second"] == pytest.approx(40 / row["seconds_sampling"])
    assert row["peak_memory_mb"] > 0
    assert row["fid"] >= 0


@pytest.mark.parametrize(
    ("what", "status", "error"),
    [
        ("raise", "failed", "KeyError: 'it broke"),
        ("exit", "failed", "SystemExit: 3"),
        ("memory", "out_of_memory", "OutOfMemoryError: no room"),
        ("shape", "failed", "Trouble yielded torch.float32 [16, 1]"),
        ("explode", "diverged", "16 of a batch of 16 samples not finite at the end"),
    ],
)
def test_a_failure_is_a_row_with_its_reason_and_traceback(
    run: Callable[..., Result], what: str, status: str, error: str
) -> None:
    result = run({"sampler": {"name": "trouble", "what": what}})
    assert result.row["status"] == status
    assert result.row["error"].startswith(error)
    assert "trouble.py" in (result.traceback or "") or status == "diverged" or what == "shape"
    assert "Traceback" in (result.traceback or "")
    assert "fid" not in result.row
    assert result.row["nfe"] == 1
    assert "\n" not in result.row["error"]


def test_a_hanging_sampler_runs_into_its_timeout(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scorebench.running.sampling.WATCH", 0.02)
    result = run({"sampler": {"name": "trouble", "what": "hang"}}, limits={"timeout": "0.2s"})
    assert result.row["status"] == "timeout"
    assert "out of time" in result.row["error"]


def test_the_users_interrupt_is_not_a_row(run: Callable[..., Result]) -> None:
    with pytest.raises(KeyboardInterrupt):
        run({"sampler": {"name": "trouble", "what": "interrupt"}})


def test_precision_of_state_and_model_are_the_suites(run: Callable[..., Result]) -> None:
    single = run(precision={"state": "float32"}).row["fid"]
    double = run(precision={"state": "float64", "model": "float64"}).row["fid"]
    assert single == pytest.approx(double, rel=1e-3)
    assert single != double


def test_numbers_do_not_depend_on_the_batch_size(run: Callable[..., Result]) -> None:
    fids = [run(batch_size=b).row["fid"] for b in (7, 16, 40, 1000)]
    assert fids == pytest.approx([fids[0]] * 4, rel=1e-4)


def test_images_leave_a_grid_of_the_first_samples(run: Callable[..., Result]) -> None:
    block = {"model": {"name": "factor_mixture", "components": 2, "rank": 1}}
    result = run(block, samples=70, batch_size=30, dataset="digits", reference="dataset")
    assert result.row["status"] == "ok"
    assert result.grid is not None
    assert result.grid.shape == (64, 1, 8, 8)
    assert result.grid.dtype == np.uint8
    assert result.grid.std() > 10


def test_vectors_leave_no_grid(run: Callable[..., Result]) -> None:
    assert run().grid is None


COUPLED = """
    from dataclasses import dataclass
    from typing import ClassVar
    import scorebench

    @dataclass(frozen=True, kw_only=True)
    class Coupled(scorebench.Sampler):
        coupled: ClassVar[bool] = True

        def trajectory(self, model, sigmas, noise):
            x = self.start(model, sigmas[0], noise)
            yield x - x.mean(0)

    @scorebench.hookimpl
    def scorebench_samplers():
        yield scorebench.Component("coupled", Coupled)
"""


def test_a_coupled_sampler_flags_its_rows_and_its_batch_size_counts(
    run: Callable[..., Result], write_plugin: Callable[..., Path]
) -> None:
    plugins = ["trouble.py", write_plugin(COUPLED, "coupled.py").name]
    rows = [run({"sampler": "coupled"}, plugins=plugins, batch_size=b).row for b in (8, 16)]
    assert all(row["coupled"] for row in rows)
    assert rows[0]["fingerprint"] != rows[1]["fingerprint"]
    plain = [run({"sampler": "euler"}, plugins=plugins, batch_size=b).row for b in (8, 16)]
    assert plain[0]["fingerprint"] == plain[1]["fingerprint"]
    assert "coupled" not in plain[0]


METRIC = """
    from dataclasses import dataclass
    import torch, scorebench

    @dataclass(frozen=True, kw_only=True)
    class Named(scorebench.Metric):
        column: str

        def prepare(self, reference, context):
            return {}

        def compute(self, state, generated):
            return {self.column: 1.0}

    @dataclass(frozen=True, kw_only=True)
    class Halved(scorebench.FeatureExtractor):
        def load(self, context):
            return lambda batch: scorebench.Features(batch[: (len(batch) + 1) // 2])

    @scorebench.hookimpl
    def scorebench_metrics():
        yield scorebench.Component("named", Named)

    @scorebench.hookimpl
    def scorebench_feature_extractors():
        yield scorebench.Component("halved", Halved)
"""


@pytest.mark.parametrize("column", ["status", "seed", "fingerprint", "finished", "model", "fid"])
def test_a_metric_cannot_overwrite_a_column(
    run: Callable[..., Result], write_plugin: Callable[..., Path], column: str
) -> None:
    plugins = ["trouble.py", write_plugin(METRIC, "metric.py").name]
    metrics = ["fid", {"name": "named", "column": column}]
    row = run(plugins=plugins, metrics=metrics).row
    assert row["status"] == "failed"
    assert row["error"] == f"metric named gives column {column}, which is taken"
    assert run(plugins=plugins, metrics=[{"name": "named", "column": "new"}]).row["new"] == 1


def test_features_must_be_as_many_as_samples(
    run: Callable[..., Result], write_plugin: Callable[..., Path]
) -> None:
    plugins = ["trouble.py", write_plugin(METRIC, "metric.py").name]
    row = run(plugins=plugins, features="halved").row
    assert row["error"] == "the feature extractor gave [8, 2] for a batch of 16, not [16, d]"
