"""The points of figures: a row for every configuration, with what it is and what it measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scorebench.report import columns
from scorebench.report.columns import COSTS, Constant
from scorebench.report.numbers import MISSING
from scorebench.report.pareto import pareto_set
from scorebench.report.ranking import Ranking


@dataclass(frozen=True)
class Points:
    """Configurations as figures show them, best first.

    Fields have short names, because what a parameter or metric is called may be anything, and dots
    and brackets mean something to Vega-Lite.

    Attributes:
        frame: ``id``, ``part``, ``label``; ``p0``, ``p1``, … are parameters as text, ``m0``, …
            metrics, ``e0``, … their standard errors, ``f0``, … whether a configuration is in the
            Pareto set of that metric against NFE; ``nfe``, ``seconds``; ``ok`` of ``all`` repeats,
            ``status`` of the others.
        parameters: names of ``p0``, …: what configurations differ in.
        constants: what they have in common.
        metrics: names of ``m0``, ….
        better: ``lower`` or ``higher``, by metric.
    """

    frame: pd.DataFrame
    parameters: list[str]
    constants: list[Constant]
    metrics: list[str]
    better: Mapping[str, str]

    def parameter_field(self, name: str) -> str:
        """The field that holds a parameter."""
        return f"p{self.parameters.index(name)}"

    def metric_field(self, name: str) -> str:
        """The field that holds a metric, which may be called like a parameter."""
        return f"m{self.metrics.index(name)}"

    def values(self, parameter: str) -> list[str]:
        """The different values of a parameter, in order: numbers by size, then words."""
        return ordered(self.frame[self.parameter_field(parameter)])

    def numbers(self, parameter: str) -> list[float]:
        """The different values of a parameter that are numbers, the smallest first."""
        return [float(value) for value in self.values(parameter) if _is_number(value)]

    def numeric(self) -> list[str]:
        """The parameters of components that have more than one value that is a number."""
        return [p for p in self.parameters if "." in p and len(self.numbers(p)) > 1]


def points(rankings: Sequence[Ranking]) -> Points:
    """The configurations of rankings that aren't compared with one another, a part each."""
    configurations = pd.concat([r.configurations for r in rankings], ignore_index=True)
    names, constants = columns.split(configurations.fillna(MISSING))
    metrics = list(dict.fromkeys(m for r in rankings for m in r.metrics))
    better = {m: way for r in reversed(rankings) for m, way in r.better.items()}
    frames = [_frame(r, names, metrics).assign(part=i) for i, r in enumerate(rankings)]
    frame = pd.concat(frames, ignore_index=True)
    frame.insert(0, "id", range(len(frame)))
    return Points(frame, names, constants, metrics, {m: better[m] for m in metrics if m in better})


def ordered(values: pd.Series[str]) -> list[str]:
    """Different texts, those that are numbers by their size and before all others."""
    numbers: list[str] = []
    words: list[str] = []
    for value in values.unique():
        (numbers if _is_number(value) else words).append(value)
    return sorted(numbers, key=float) + sorted(words)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _frame(ranking: Ranking, names: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    texts = ranking.configurations.reindex(columns=list(names), fill_value=MISSING)
    means = ranking.means.replace([np.inf, -np.inf], np.nan)
    told = [columns.describe(c, names) for c in columns.records(texts)]
    found: dict[str, object] = {"label": told}
    found |= {f"p{i}": texts[name].to_numpy() for i, name in enumerate(names)}
    for i, metric in enumerate(metrics):
        if metric not in means:
            found |= {f"m{i}": np.nan, f"e{i}": np.nan, f"f{i}": False}
            continue
        found |= {f"m{i}": means[metric].to_numpy(), f"e{i}": ranking.errors[metric].to_numpy()}
        way = ranking.better.get(metric)
        front = pareto_set(means["nfe"], means[metric], way) if way else means.index[:0]
        found[f"f{i}"] = means.index.isin(front)
    found |= {cost: means[cost].to_numpy() for cost in COSTS}
    repeats = ranking.repeats
    found |= {name: repeats[name].to_numpy() for name in ("ok", "all", "status")}
    return pd.DataFrame(found)
