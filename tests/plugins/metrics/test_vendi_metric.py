"""The Vendi score as a component: it is that of the generated samples alone."""

from __future__ import annotations

import numpy as np

import scorebench
from scorebench import Context, Evidence
from scorebench.metrics import vendi


def test_the_reference_is_not_looked_at() -> None:
    metric = scorebench.build("metric", "vendi")
    vectors = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    found = metric.compute(metric.prepare(Evidence(5), Context()), Evidence(20, vectors=vectors))
    assert found == {"vendi": vendi(vectors)}
    assert not metric.compares
    assert metric.better == {"vendi": "higher"}
    assert metric.minimum_samples == 1
