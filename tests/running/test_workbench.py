from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scorebench import UserError
from scorebench.running.workbench import MODELS_KEPT, Workbench
from scorebench.suite.load import load_suite

COUNTING = """
    from dataclasses import dataclass
    import numpy as np, torch, scorebench

    calls = []

    @dataclass(frozen=True, kw_only=True)
    class Mean(scorebench.Metric):
        def prepare(self, reference, context):
            calls.append(reference.count)
            return {"mean": reference.vectors.mean(0)}

        def compute(self, state, generated):
            return {"distance": float(np.abs(state["mean"] - generated.vectors.mean(0)).max())}

    @dataclass(frozen=True, kw_only=True)
    class NoDraw:
        def load(self, context):
            return Plain(context)

    class Plain(scorebench.ScoreModel):
        def __init__(self, context):
            self.event_shape, self.device, self.dtype = (2,), context.device, context.dtype

        def denoise(self, x, sigma):
            return x

    @scorebench.hookimpl
    def scorebench_metrics():
        yield scorebench.Component("mean", Mean)

    @scorebench.hookimpl
    def scorebench_score_models():
        yield scorebench.Component("no_draw", NoDraw)
"""


@pytest.fixture
def bench(
    small_suite: dict[str, Any], write_suite: Callable[..., Path], write_plugin: Callable[..., Path]
) -> Callable[..., Workbench]:
    def make(model: Any = None, **changes: Any) -> Workbench:
        write_plugin(COUNTING, "counting.py")
        suite = {**small_suite, "plugins": ["counting.py"], **changes}
        if model is not None:
            suite["sweep"] = [{**small_suite["sweep"][0], "model": model}]
        return Workbench(load_suite(write_suite(suite)), torch.device("cpu"))

    return make


def first_model(bench: Workbench) -> Any:
    return bench.suite.points[0].model


def test_a_model_is_loaded_once_and_only_a_few_are_kept(bench: Callable[..., Workbench]) -> None:
    means = [[float(i), 0.0] for i in range(MODELS_KEPT + 2)]
    made = bench({"name": "gaussian", "mean": means, "std": 1})
    chosen = list({id(p.model): p.model for p in made.suite.points}.values())
    loaded = [made.model(c) for c in chosen]
    assert made.model(chosen[-1]) is loaded[-1]
    assert made.model(chosen[0]) is not loaded[0]
    assert len(made._models) == MODELS_KEPT


def test_what_is_unloaded_is_gone_and_loaded_again(bench: Callable[..., Workbench]) -> None:
    made = bench()
    chosen = first_model(made)
    model = weakref.ref(made.model(chosen))
    assert made.extract is not None
    made.unload()
    assert model() is None
    assert "extract" not in vars(made)
    assert made.model(chosen) is not None
    assert made.extract is not None


def test_the_reference_is_prepared_once_across_benches(bench: Callable[..., Workbench]) -> None:
    changes: dict[str, Any] = {"metrics": ["mean"], "seed": 77}
    first = bench(**changes)
    state = first.states(first_model(first))[0]["mean"]
    assert first.states(first_model(first)) is first.states(first_model(first))
    second = bench(**changes)
    calls = second.suite.metrics[0].component.prepare.__globals__["calls"]
    assert calls == [40]
    again = second.states(first_model(second))[0]["mean"]
    assert calls == [40]
    assert (again == state).all()


def test_exact_samples_as_reference_are_not_the_samplers_own(
    bench: Callable[..., Workbench],
) -> None:
    made = bench(metrics=["mean"], samples=4000, batch_size=4000)
    mean = made.states(first_model(made))[0]["mean"]
    assert mean == pytest.approx([1.0, -1.0], abs=5 * 0.5 / 4000**0.5)


@pytest.mark.parametrize(
    ("model", "changes", "told"),
    [
        ("no_draw", {}, "exact samples, which no_draw can't draw; use reference: dataset"),
        (
            {"name": "gaussian", "mean": [0.0, 0.0]},
            {"dataset": "digits", "reference": "dataset"},
            r"makes samples of shape \[2\], but those of the dataset are \[1, 8, 8\]",
        ),
        (
            {"name": "gaussian", "mean": [0.0, 0.0]},
            {"metrics": ["inception_score"]},
            "inception_score needs logits, which features: identity lacks",
        ),
        (
            {"name": "gaussian", "mean": [0.0, 0.0]},
            {"features": "digits_cnn"},
            "1×8×8",
        ),
    ],
)
def test_parts_that_do_not_fit_are_told_apart(
    bench: Callable[..., Workbench], model: Any, changes: dict[str, Any], told: str
) -> None:
    made = bench(model, **changes)
    with pytest.raises(UserError, match=told):
        made.check(first_model(made))


def test_parts_that_fit_pass(bench: Callable[..., Workbench]) -> None:
    made = bench(
        {"name": "factor_mixture", "components": 2, "rank": 1},
        dataset="digits",
        reference="dataset",
        features="digits_cnn",
        metrics=["fid", "inception_score"],
    )
    made.check(first_model(made))
