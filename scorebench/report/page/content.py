"""What a page says, before it is HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scorebench.report.layout import Grid
from scorebench.report.page.charts import ChartOfPage


@dataclass(frozen=True)
class Card:
    """One finding, to be seen first.

    Attributes:
        name: what it is about.
        value: the number or word.
        text: of what.
        note: how sure it is.
        tone: ``good``, ``bad``, ``warn`` or nothing.
    """

    name: str
    value: str
    text: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """A grid and what it shows.

    Attributes:
        caption: what it shows.
        grid: the table.
        left_out: what isn't in it.
    """

    caption: str
    grid: Grid
    left_out: str = ""


@dataclass(frozen=True)
class Group:
    """Findings about rows that can be compared.

    Attributes:
        told: what sets them apart from others.
        cards: the findings.
        sentences: what else there is to say.
        tables: the rankings behind it.
    """

    told: str
    cards: Sequence[Card]
    sentences: Sequence[str]
    tables: Sequence[Table]


@dataclass(frozen=True)
class Trouble:
    """Rows that did not end ok and say the same.

    Attributes:
        head: how many, and how they ended.
        error: what they say.
        example: the first of them.
        traceback: its traceback, where one was kept.
    """

    head: str
    error: str
    example: str
    traceback: str


@dataclass(frozen=True)
class Again:
    """A row, and how to run it again.

    Attributes:
        row: what it is of.
        command: the command.
        folder: where it is given, as seen from the results directory; empty if that isn't known.
    """

    row: str
    command: str
    folder: str


@dataclass(frozen=True)
class Content:
    """What a page says.

    Attributes:
        title: its heading.
        subtitle: below it.
        verdict: the heading of the findings.
        notices: what readers must know first, e.g. that results are partial.
        groups: the findings.
        nothing: said where there are none.
        charts: in their order.
        differences: tables of a comparison, further down.
        troubles: the most frequent failures.
        ended: how many of the rows did.
        surroundings: tables of environments.
        again: how to run a row again, where that is known.
        suites: the suites as run, by name of results.
        constants: what all rows have in common.
        payload: what the page's script works on.
    """

    title: str
    subtitle: str
    verdict: str
    notices: Sequence[str]
    groups: Sequence[Group]
    nothing: str
    charts: Sequence[ChartOfPage]
    troubles: Sequence[Trouble]
    ended: str
    surroundings: Sequence[Table]
    again: Again | None
    suites: Mapping[str, str]
    constants: str
    payload: Mapping[str, Any]
    differences: Sequence[Table] = field(default_factory=list)
