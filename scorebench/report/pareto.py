"""The Pareto set: configurations that no other beats in quality at equal or lower cost."""

from __future__ import annotations

import numpy as np
import pandas as pd


def pareto_set(cost: pd.Series[float], value: pd.Series[float], better: str) -> pd.Index[int]:
    """Labels of the configurations to which no other is preferable, cheapest first.

    One is preferable to another if it is at least as good in both and better in one; of equals
    the first counts. Those without a finite cost and value don't take part.

    Args:
        cost: the lower the better, e.g. evaluations of the model per sample.
        value: a metric, by the same labels.
        better: ``lower`` or ``higher``, for the metric.
    """
    loss = value if better == "lower" else -value
    known = pd.DataFrame({"cost": cost, "loss": loss})
    known = known.loc[np.isfinite(known.to_numpy()).all(axis=1)]
    known = known.sort_values(["cost", "loss"], kind="stable")
    best_so_far = known["loss"].cummin().shift(fill_value=np.inf)
    front: pd.Index[int] = known.index[known["loss"] < best_so_far]
    return front
