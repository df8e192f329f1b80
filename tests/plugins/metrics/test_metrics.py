from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from scorebench import Context, Evidence, Metric
from scorebench.metrics import (
    frechet_distance,
    gaussian_statistics,
    inception_score,
)
from scorebench.plugin.parameters import parameters_of
from scorebench_plugins.metrics.fid import FID
from scorebench_plugins.metrics.inception_score import InceptionScore
from scorebench_plugins.metrics.precision_recall import PrecisionRecall

EVERY = [FID(), InceptionScore(splits=4), PrecisionRecall(k=2)]


def evidence(seed: int, count: int = 60) -> Evidence:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(seed, 1 + seed, size=(count, 3)).astype(np.float32)
    return Evidence(count, vectors=vectors, logits=2 * rng.normal(size=(count, 4)))


def stored(metric: Metric, reference: Evidence, folder: Path) -> dict[str, np.ndarray]:
    """The prepared state as the harness's cache gives it back."""
    state = metric.prepare(reference, Context(cache_dir=folder))
    path = folder / "state.safetensors"
    save_file({name: np.ascontiguousarray(array) for name, array in state.items()}, path)
    return load_file(path)


def test_fid_is_the_frechet_distance(tmp_path: Path) -> None:
    real, fake = evidence(0), evidence(1)
    columns = FID().compute(stored(FID(), real, tmp_path), fake)
    expected = frechet_distance(
        gaussian_statistics(real.vectors), gaussian_statistics(fake.vectors)
    )
    assert columns == {"fid": expected}
    assert expected > 1


def test_inception_score_is_that_of_the_generated_logits(tmp_path: Path) -> None:
    metric, fake = InceptionScore(splits=4), evidence(1)
    without_logits = Evidence(60, vectors=evidence(0).vectors)
    mean, std = inception_score(fake.logits, splits=4)
    columns = metric.compute(stored(metric, without_logits, tmp_path), fake)
    assert columns == {"inception_score": mean, "inception_score_std": std}


@pytest.mark.parametrize(("metric", "costly"), [(FID(), "root"), (PrecisionRecall(), "radii")])
def test_what_was_prepared_is_not_computed_again(
    metric: Metric, costly: str, tmp_path: Path
) -> None:
    state = stored(metric, evidence(0), tmp_path)
    changed = {**state, costly: np.zeros_like(state[costly])}
    assert metric.compute(changed, evidence(1)) != metric.compute(state, evidence(1))


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: type(metric).__name__)
def test_preparing_and_computing_leave_their_input_alone(metric: Metric, tmp_path: Path) -> None:
    real, fake = evidence(0), evidence(1)
    state = stored(metric, real, tmp_path)
    first = metric.compute(state, fake)
    assert metric.compute(state, fake) == first
    for seen, fresh in ((real, evidence(0)), (fake, evidence(1))):
        np.testing.assert_array_equal(seen.vectors, fresh.vectors)
        np.testing.assert_array_equal(seen.logits, fresh.logits)


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: type(metric).__name__)
def test_minimum_samples_is_enough_on_both_sides(metric: Metric, tmp_path: Path) -> None:
    few = [evidence(seed, metric.minimum_samples) for seed in (0, 1)]
    columns = metric.compute(stored(metric, few[0], tmp_path), few[1])
    assert all(np.isfinite(value) for value in columns.values())
    assert set(metric.better) <= set(columns)


def test_declarations() -> None:
    assert [m.minimum_samples for m in EVERY] == [2, 4, 3]
    assert [set(m.needs) for m in EVERY] == [{"features"}, {"logits"}, {"features"}]
    assert dict(FID().better) == {"fid": "lower"}
    assert dict(InceptionScore.better) == {"inception_score": "higher"}


@pytest.mark.parametrize(
    ("cls", "name", "default"), [(InceptionScore, "splits", 10), (PrecisionRecall, "k", 3)]
)
def test_parameters_are_bounded_and_documented(cls: type, name: str, default: int) -> None:
    parameter = parameters_of(cls)[name]
    assert (parameter.default, parameter.type) == (default, "int ≥ 1")
    assert parameter.doc
    assert parameter.validate(1) == 1
    with pytest.raises(ValueError, match="≥ 1"):
        parameter.validate(0)
