from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from scorebench.report.figures import axes
from scorebench.report.figures.points import Points
from scorebench.report.figures.tradeoff import tradeoff


def test_a_mark_for_everything_that_has_both(
    points_of: Callable[..., Points], drawn: Callable[[Any], Any]
) -> None:
    values = [(0.1, 0.9), (0.5, 0.5), (math.nan, 0.5), (0.5, math.nan)]
    points = points_of(
        *({"sampler": f"s{i}", "recall": r, "precision": p} for i, (r, p) in enumerate(values)),
        better={"recall": "higher", "precision": "higher"},
    )
    series = axes.axis(points, "sampler")
    drawing = drawn(tradeoff(points.frame, points, "recall", "precision", series))
    assert len(drawing.marks("point")) == 2
    assert "titled 'recall ↑' for a linear scale" in drawing.axis("X")
    assert "titled 'precision ↑' for a linear scale" in drawing.axis("Y")
    first, *_ = (m["aria-label"] for m in drawing.marks("point") if "s0" in m["aria-label"])
    assert first.startswith("recall ↑: 0.1; precision ↑: 0.9")
