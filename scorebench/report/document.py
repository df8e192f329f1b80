"""What ``scorebench report`` makes of results, for the terminal, a page, exports and figures.

Imported where they are used: what only comparisons or pages need, such as scipy and Altair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import RenderableType

from scorebench.errors import UserError, did_you_mean
from scorebench.report.comparable import Part, parts, together
from scorebench.report.layout import Grid
from scorebench.report.numbers import printable
from scorebench.report.ranked_frame import ranked_frame, stacked
from scorebench.report.ranked_grid import ranked_grid
from scorebench.report.ranking import Ranking, best_per, choose, rank
from scorebench.report.results import Results, read
from scorebench.report.terminal import not_comparable, plural, ranking_report
from scorebench.report.where import where

if TYPE_CHECKING:
    import pandas as pd

    from scorebench.report.comparison import Comparison
    from scorebench.report.page.content import Content


MOST_NAMED, LONGEST = 4, 50  # results in a file's name, and bytes of each: in all below 255


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What of results to report on, and how.

    Attributes:
        sort: what to rank by; the first metric unless given.
        condition: of rows; empty: all.
        per: show only the best configuration for each value of these.
        columns: show these only.
    """

    sort: str | None = None
    condition: str = ""
    per: Sequence[str] = ()
    columns: Sequence[str] = ()


class Document(Protocol):
    """A report on results."""

    @property
    def results(self) -> Sequence[Results]:
        """What it is about."""
        ...

    def terminal(self, top: int) -> Iterator[RenderableType]:
        """What to print, with so many configurations; 0: all."""
        ...

    def content(self) -> Content:
        """What its page says."""
        ...

    def frame(self) -> pd.DataFrame:
        """It as numbers, for other programs."""
        ...

    def grids(self) -> list[tuple[str, Grid]]:
        """It as tables to print, with captions."""
        ...

    def figure(self, name: str, parameters: Sequence[str]) -> Any:
        """One of its figures, with these parameters along the sides, as a chart."""
        ...


def document(paths: Sequence[Path], selection: Selection) -> Document:
    """A report on one table of results, or a comparison of several.

    Raises:
        UserError: they can't be read, or don't have what is selected.
    """
    found = [_selected(results, selection.condition) for results in read(paths)]
    if len(found) == 1:
        return Summary(found[0], selection)
    if selection.per or selection.columns:
        raise UserError("--best-per and --columns are for one table of results, not for several")
    return Versus(found, selection)


def _selected(results: Results, condition: str) -> Results:
    if not condition:
        return results
    rows = results.table
    missing = results.planned - len(rows)
    promised = [column for column in results.promised if column not in rows]
    table = rows.loc[where(rows.reindex(columns=[*rows, *promised]), condition).index]
    chosen = f"{len(table):,} of {plural(len(rows), 'row')}, where {printable(condition.strip())}"
    return replace(results, table=table, planned=len(table) + missing, chosen=chosen)


def _rankings(results: Results, sort: str | None) -> list[tuple[Part, Ranking]]:
    return [(part, rank(part.results.table, results.better, sort)) for part in parts(results)]


@dataclass(frozen=True)
class Summary:
    """A report on one table of results."""

    only: Results
    selection: Selection

    @property
    def results(self) -> Sequence[Results]:
        return [self.only]

    @cached_property
    def rankings(self) -> list[tuple[Part, Ranking]]:
        """Of all configurations."""
        return _rankings(self.only, self.selection.sort)

    @cached_property
    def shown(self) -> list[tuple[Part, Ranking]]:
        """Of the configurations and columns selected."""
        found = self.rankings
        if per := self.selection.per:
            found = [(part, best_per(ranking, per)) for part, ranking in found]
        if chosen := self.selection.columns:
            found = [(part, choose(ranking, chosen)) for part, ranking in found]
        return found

    def terminal(self, top: int) -> Iterator[RenderableType]:
        if len(self.shown) > 1:
            yield from not_comparable(self.only, len(self.shown))
        for part, ranking in self.shown:
            yield from ranking_report(part.results, ranking, top, part.told)

    def content(self) -> Content:
        from scorebench.report.page.summary import summary

        return summary(self.only, self.rankings)

    def frame(self) -> pd.DataFrame:
        frames = [(p.told, ranked_frame(p.results.table, ranking)) for p, ranking in self.shown]
        return stacked(frames)

    def grids(self) -> list[tuple[str, Grid]]:
        return [(p.told, ranked_grid(ranking, len(ranking.means))) for p, ranking in self.shown]

    def figure(self, name: str, parameters: Sequence[str]) -> Any:
        from scorebench.report.figures.named import SAMPLES, figure
        from scorebench.report.figures.points import points
        from scorebench.report.figures.samples import samples

        if len(self.rankings) > 1:
            raise UserError(
                f"--figure {name}: the rows fall into {len(self.rankings)} parts that can't be "
                f"compared; choose one with --where, e.g. rows with {self.rankings[0][0].told}"
            )
        ((_, ranking),) = self.rankings
        if ranking.by not in ranking.metrics:
            raise UserError(f"--figure {name}: shows a metric; choose it with --sort")
        shown = points([ranking])
        if name == SAMPLES:
            return samples(self.only, ranking, shown, ranking.by)
        return figure(name, shown, ranking.by, parameters)


@dataclass(frozen=True)
class Versus:
    """A comparison of several tables of results with the first."""

    results: Sequence[Results]
    selection: Selection

    @cached_property
    def comparison(self) -> Comparison:
        """Of all that can be compared."""
        from scorebench.report.comparison import compare

        return compare(self.results, self.selection.sort)

    def terminal(self, top: int) -> Iterator[RenderableType]:
        from scorebench.report.differences import comparison_report

        return comparison_report(self.comparison, top)

    def content(self) -> Content:
        from scorebench.report.page.versus import versus

        return versus(self.comparison, _rankings(together(self.results), self.selection.sort))

    def frame(self) -> pd.DataFrame:
        from scorebench.report.differences import difference_frame

        return difference_frame(self.comparison)

    def grids(self) -> list[tuple[str, Grid]]:
        from scorebench.report.differences import difference_grid

        number = len(self.comparison.configurations)
        metrics = self.comparison.metrics if number else []
        return [(metric, difference_grid(self.comparison, metric, number)) for metric in metrics]

    def figure(self, name: str, parameters: Sequence[str]) -> Any:
        from scorebench.report.figures.differences import difference_points, differences

        if name != "differences":
            known = did_you_mean(name, ["differences"])
            raise UserError(f"--figure: no figure {name!r} of a comparison{known}")
        if parameters:
            raise UserError("--axes: the figure of differences has no parameters along its sides")
        metric, *_ = self.comparison.metrics
        shown = difference_points(self.comparison, metric)
        if shown.empty:
            raise UserError(f"--figure differences: no configuration can be compared by {metric}")
        return differences(shown, self.comparison, metric)


def page_path(paths: Sequence[Path], results: Sequence[Results]) -> Path:
    """Where the page of a report is put unless told otherwise: beside the results."""
    first, *others = paths
    if not others:
        return first / "report.html" if first.is_dir() else first.with_suffix(".html")
    names = "-vs-".join(map(_in_file_name, results[:MOST_NAMED]))
    return first.absolute().parent / f"{names}.html"


def _in_file_name(results: Results) -> str:
    return re.sub(r"[^\w.-]", "_", results.name).encode()[:LONGEST].decode(errors="ignore")
