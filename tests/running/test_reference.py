from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scorebench.running.evidence import Gathering
from scorebench.running.reference import Reference
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite

PLUGIN = """
    from dataclasses import dataclass
    import numpy as np, scorebench
    from scorebench import DatasetSpec

    seen = []

    @dataclass(frozen=True, kw_only=True)
    class Far(scorebench.Metric):
        train: DatasetSpec

        @property
        def datasets(self):
            return {"train": self.train}

        def prepare(self, reference, context):
            train = reference.others["train"]
            seen.append((reference.count, train.count))
            return {"own": reference.vectors, "train": train.vectors, "sum": train.vectors.sum(0)}

        def compute(self, state, generated):
            return {"far": float(state["train"].mean())}

    @scorebench.hookimpl
    def scorebench_metrics():
        yield scorebench.Component("far", Far)
        yield scorebench.Component("further", Far)
"""


@pytest.fixture
def bench(
    small_suite: dict[str, Any],
    write_suite: Callable[..., Path],
    write_plugin: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], Workbench]:
    """A workbench that compares with one split of the digits and looks at the other."""
    monkeypatch.setenv("SCOREBENCH_CACHE", str(tmp_path / "cache"))
    write_plugin(PLUGIN, "far.py")
    train = {"name": "digits", "split": "train"}
    suite = {
        **small_suite,
        "plugins": ["far.py"],
        "dataset": {"name": "digits", "split": "test"},
        "reference": "dataset",
        "metrics": [{"name": "far", "train": train}, {"name": "further", "train": train}],
        "sweep": [{"model": "factor_mixture", "schedule": "karras", "sampler": "heun"}],
    }
    path = write_suite(suite)
    return lambda: Workbench(load_suite(path), torch.device("cpu"))


def states(bench: Workbench) -> Any:
    return bench.states(bench.suite.points[0].model)


def test_metrics_see_their_further_datasets(bench: Callable[[], Workbench]) -> None:
    first, _ = states(bench())
    assert (len(first["own"]), len(first["train"])) == (359, 1438)
    np.testing.assert_allclose(first["sum"], first["train"].sum(0), rtol=1e-6)


def test_features_are_held_once_and_stored_once(
    bench: Callable[[], Workbench], tmp_path: Path
) -> None:
    fresh = states(bench())
    loaded = states(bench())
    for first, second in (fresh, loaded):
        assert first["train"] is second["train"]
        assert first["own"] is second["own"]
    assert (fresh[0]["train"] == loaded[0]["train"]).all()
    sizes = sorted(p.stat().st_size for p in (tmp_path / "cache").glob("*.safetensors"))
    features = [64 * 4 * count for count in (359, 1438)]
    assert [size for size in sizes if size > 10_000] == pytest.approx(features, abs=1000)


def test_batches_that_take_too_much_memory_are_halved(
    bench: Callable[[], Workbench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = states(bench())
    plain = Gathering.add

    def add(self: Gathering, batch: Any, first: int) -> None:
        if len(batch) > 5:
            raise torch.OutOfMemoryError(f"no room for {len(batch)}")
        plain(self, batch, first)

    monkeypatch.setenv("SCOREBENCH_CACHE", str(tmp_path / "another"))
    monkeypatch.setattr(Gathering, "add", add)
    halved, _ = states(bench())
    for name in ("own", "train"):
        np.testing.assert_array_equal(halved[name], whole[name])
    monkeypatch.setenv("SCOREBENCH_CACHE", str(tmp_path / "a third"))
    monkeypatch.setattr(Gathering, "add", lambda *_: (_ for _ in ()).throw(MemoryError("none")))
    with pytest.raises(MemoryError, match="none"):
        states(bench())


def test_work_to_be_done_first(bench: Callable[[], Workbench]) -> None:
    made, told = bench(), []
    reference: Reference = made.reference

    def missing() -> Any:
        own = made.origin(made.suite.points[0].model)
        return reference.extractions([own, *reference.others()])

    own, train = missing()
    assert (own.summary, own.steps, own.done, train.steps) == ("features of digits", 359, 0, 1438)
    train.run(lambda done, how: told.append(done))
    assert told == [*range(16, 1438, 16), 1438]
    assert [work.steps for work in missing()] == [359]
    own.run(lambda done, how: None)
    assert missing() == []
    assert made.suite.metrics[0].component.prepare.__globals__["seen"] == []
