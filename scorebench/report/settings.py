"""What, beside a row's configuration, its metrics depend on, as its suite says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from scorebench.report.numbers import parameter

LARGEST = 100_000  # bytes of a suite
MOST = 10_000  # values in it, aliases of aliases written out


def settings(path: Path | None) -> dict[str, str]:
    """The dataset, reference and features, and the parameters of each metric.

    Args:
        path: of a suite; nothing is known if there is none, or none that can be read.
    """
    try:
        return {} if path is None else dict(_told(_suite(path)))
    except Exception:  # PyYAML raises all sorts, e.g. KeyError of "!!bool maybe"
        return {}


def _suite(path: Path) -> Any:
    with path.open("rb") as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        return None
    loader = yaml.SafeLoader(text.decode("utf-8-sig"))
    node = loader.get_single_node()
    if node is None or sum(1 for _ in islice(_nodes(node), MOST)) == MOST:
        return None
    return loader.construct_document(node)


def _nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    """A node and all below it, again for every alias."""
    yield node
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in child if isinstance(child, tuple) else (child,):
            yield from _nodes(part)


def _told(suite: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(suite, dict):
        return
    for key, default in (("dataset", "none"), ("reference", "dataset"), ("features", "none")):
        name, parameters = _component(suite.get(key, default))
        yield key, f"{name} ({parameters})" if parameters else name
    metrics = suite.get("metrics")
    for metric in metrics if isinstance(metrics, list) else []:
        name, parameters = _component(metric)
        yield f"metric {name}", parameters or "defaults"


def _component(given: Any) -> tuple[str, str]:
    """The name of a component in a suite, and its parameters, e.g. ``split train``."""
    if not isinstance(given, dict):
        return parameter(given), ""
    rest = (
        f"{parameter(k)} {parameter(v)}" for k, v in sorted(given.items(), key=str) if k != "name"
    )
    return parameter(given.get("name")), ", ".join(rest)
