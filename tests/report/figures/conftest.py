"""Points of made-up rows, and figures as they are drawn."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from scorebench.report.figures.points import Points, points
from scorebench.report.figures.saving import save
from scorebench.report.ranking import Ranking, rank
from scorebench.report.results import Results, read

BETTER = {"fid": "lower", "recall": "higher"}


@dataclass(frozen=True)
class Drawing:
    """An SVG file."""

    elements: list[dict[str, str]]
    texts: list[str]

    def marks(self, kind: str) -> list[dict[str, str]]:
        """The marks of a kind, e.g. ``point`` or ``rect mark``, as attributes."""
        return [e for e in self.elements if e.get("aria-roledescription") == kind]

    def axis(self, side: str) -> str:
        """What the X or Y axis says of itself, e.g. ``for a log scale with values from …``."""
        (told,) = (e["aria-label"] for e in self.marks("axis") if e["aria-label"].startswith(side))
        return told

    def symbols(self) -> list[tuple[str, str]]:
        """Colours and shapes of a legend."""
        found = [e for e in self.elements if "role-legend-symbol" in e["parent"]]
        return [(e["fill"], e["d"]) for e in found]


@pytest.fixture
def drawn(tmp_path: Path) -> Callable[[Any], Drawing]:
    """Draw a chart."""

    def draw(chart: Any) -> Drawing:
        save(chart, tmp_path / "figure.svg")
        root = ElementTree.fromstring((tmp_path / "figure.svg").read_text())
        elements = [
            {**child.attrib, "parent": parent.get("class", "")}
            for parent in root.iter()
            for child in parent
        ]
        texts = ["".join(e.itertext()) for e in root.iter() if re.search("}text$", e.tag)]
        return Drawing(elements, texts)

    return draw


@pytest.fixture
def ranked(write_results: Callable[..., Path]) -> Callable[..., tuple[Results, Ranking]]:
    """Results of made-up rows, and their ranking."""

    def make(
        *rows: Mapping[str, Any], by: str | None = None, better: Mapping[str, str] = BETTER
    ) -> tuple[Results, Ranking]:
        (results,) = read([write_results(*rows, better=better)])
        return results, rank(results.table, results.better, by)

    return make


@pytest.fixture
def points_of(ranked: Callable[..., tuple[Results, Ranking]]) -> Callable[..., Points]:
    """The points of made-up rows."""

    def make(*rows: Mapping[str, Any], **options: Any) -> Points:
        return points([ranked(*rows, **options)[1]])

    return make
