from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prdc import compute_prdc

from scorebench import Context, Evidence
from scorebench.metrics import Manifold
from scorebench.plugin.parameters import parameters_of
from scorebench_plugins.metrics.precision_recall import PrecisionRecall


def columns(metric: PrecisionRecall, real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    state = metric.prepare(Evidence(len(real), vectors=real), Context(cache_dir=Path()))
    return dict(metric.compute(state, Evidence(len(fake), vectors=fake)))


def sets() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(60, 3)), rng.normal(1, 2, size=(50, 3))
    return real.astype(np.float32), fake.astype(np.float32)


def test_columns_are_the_scores_of_the_manifold() -> None:
    real, fake = sets()
    values = columns(PrecisionRecall(k=2), real, fake)
    assert values == vars(Manifold(real, k=2).scores(fake))
    assert list(values) == ["precision", "recall", "density", "coverage"]
    assert len(set(values.values())) == 4
    assert set(PrecisionRecall.better) == set(values)
    assert set(PrecisionRecall.better.values()) == {"higher"}


def test_an_open_boundary_is_that_of_prdc() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.integers(0, 5, size=(60, 2)), rng.integers(1, 7, size=(50, 2))
    opened = columns(PrecisionRecall(k=3, boundary="open"), real, fake)
    assert opened == pytest.approx(compute_prdc(real, fake, nearest_k=3))
    closed = columns(PrecisionRecall(k=3), real, fake)
    assert all(closed[name] > opened[name] for name in opened)


def test_float32_features_are_kept_as_they_are() -> None:
    real, _ = sets()
    state = PrecisionRecall().prepare(Evidence(60, vectors=real), Context(cache_dir=Path()))
    assert {name: array.dtype for name, array in state.items()} == {
        "features": np.float32,
        "radii": np.float64,
    }


def test_an_unknown_boundary_is_refused() -> None:
    parameter = parameters_of(PrecisionRecall)["boundary"]
    assert parameter.doc
    with pytest.raises(ValueError, match="closed or open"):
        parameter.validate("half")
