"""What the metrics of a row hang on beside its configuration: rows that differ aren't comparable.

Columns: ``features`` and ``reference`` name the extractor and the real side, as the suite gives
them, with parameters as ``features.*`` and ``reference.*``; ``features_digest`` and
``reference_digest`` tell whether two are the same, weights and data included, and
``reference_samples`` is how many real samples there are. Of every metric ``metric.NAME.*`` are all
parameters, ``metric.NAME.version`` that of its numbers, and ``metric.NAME.yardstick`` is a digest
of all that its columns depend on: only rows in which it is equal can be compared by them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scorebench.running.cache import digest
from scorebench.running.context import Context
from scorebench.running.reference import Origin
from scorebench.suite.load import Suite
from scorebench.suite.resolve import Chosen
from scorebench.suite.sweep import told

SHOWN = 16  # digits of a digest


def yardstick(suite: Suite, context: Context, origin: Origin) -> dict[str, Any]:
    """The columns, for rows whose reference is of this origin.

    Raises:
        UserError: what a parameter names isn't there.
    """
    features = suite.features
    version = getattr(features.component, "version", 1)
    seen = digest([features.name, version, context.content(features.component)])
    real = digest(origin.identity)
    columns = {
        **_named("features", features),
        "features_digest": seen[:SHOWN],
        **(_named("reference", suite.dataset) if suite.reference == "dataset" else {}),
        "reference_digest": real[:SHOWN],
        "reference_samples": origin.count,
    }
    columns.setdefault("reference", "model")
    for metric in suite.metrics:
        component, name = metric.component, f"metric.{metric.name}"
        whole = [metric.name, component.version, context.content(component)]
        if component.needs & {"features", "logits"}:
            whole.append(seen)
        if component.compares:
            whole += [real, origin.count]
        columns |= {f"{name}.{k}": v for k, v in _parameters(component).items()}
        columns |= {f"{name}.version": component.version}
        columns |= {f"{name}.yardstick": digest(whole)[:SHOWN]}
    return columns


def _named(role: str, chosen: Chosen | None) -> dict[str, Any]:
    if chosen is None:
        return {}
    return {role: chosen.name, **{f"{role}.{k}": _cell(v) for k, v in chosen.given.items()}}


def _parameters(component: Any) -> Mapping[str, Any]:
    fields = dataclasses.fields(component)
    return {f.name.removesuffix("_"): _cell(getattr(component, f.name)) for f in fields}


def _cell(value: Any) -> Any:
    return value.name if isinstance(value, Path) else told(value)
