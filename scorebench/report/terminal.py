"""A ranking in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd
from rich.console import Console, Group, RenderableType
from rich.style import Style

from scorebench.report.columns import COSTS, ROLES, Constant
from scorebench.report.layout import BOLD, DIM, Column, Grid, Paragraph
from scorebench.report.numbers import aligned, count, estimate, printable, rounded
from scorebench.report.ranking import Failure, Ranking
from scorebench.report.results import Results

WARNING = Style(color="yellow")
ARROWS = {"lower": "↓", "higher": "↑"}
BLANK = Paragraph("")


def show(console: Console, parts: Iterable[RenderableType]) -> None:
    """Print a report: fitted to a terminal's width or, into a file or pipe, in whole lines."""
    console.print(Group(*parts), soft_wrap=not console.is_terminal, crop=False)


def ranking_report(results: Results, ranking: Ranking, top: int) -> Iterator[RenderableType]:
    """What all rows have in common, the ranked table, and what failed.

    Args:
        results: where the rows come from.
        ranking: of its table.
        top: how many configurations, and kinds of failures, to show; 0: all.
    """
    number = len(ranking.configurations)
    top = top or max(number, len(ranking.failures))
    yield Paragraph(_title(results, ranking), BOLD)
    yield caption(results.name, ranking.constants, results.settings, devices(results))
    yield from partial(results)
    yield BLANK
    yield _grid(ranking.head(top))
    yield from rest(number - top)
    yield from _failures(ranking.failures, len(results.table), top)


def caption(
    name: str, constants: Iterable[Constant], settings: Mapping[str, str], *further: str
) -> Paragraph:
    """What all rows have in common, as far as the name of the results doesn't say it."""
    told = [_constant(c) for c in constants if (c.column, c.value) != ("suite", name)]
    told += [f"{k} {v}" for k, v in settings.items() if v not in ("none", "dataset", "defaults")]
    return Paragraph(" · ".join([*told, *further]), DIM, glue=" · ")


def devices(results: Results) -> str:
    """The devices that the rows were computed on."""
    names = sorted({printable(str(name)) for name in results.table["device"].dropna()})
    return f"device {', '.join(names)}"


def partial(results: Results) -> Iterator[Paragraph]:
    """Says so if not all cells have finished."""
    if (finished := len(results.table)) < results.planned:
        told = f"{results.name} is partial: {finished:,} of {results.planned:,} cells finished"
        yield Paragraph(told, WARNING)


def rest(number: int) -> Iterator[Paragraph]:
    """Says how many are not shown, if any."""
    if number > 0:
        yield Paragraph(f"… {number:,} more; --top 0 shows all", DIM)


def plural(number: int, thing: str) -> str:
    """A number of things."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def parameter_columns(configurations: pd.DataFrame, names: Sequence[str]) -> Iterator[Column]:
    """Names and parameters; where there is little room, parameters without their role."""
    bare = [name.rpartition(".")[2] for name in names]
    for name, brief in zip(names, bare, strict=True):
        cells = configurations[name].tolist()
        if name in ROLES:
            yield Column(name, cells, right=False)
        else:
            brief = brief if bare.count(brief) == 1 else name
            yield Column(name, cells, short=Column(brief, cells, fold=6))


def _constant(constant: Constant) -> str:
    value = count(float(constant.value)) if constant.column == "samples" else constant.value
    owners = f" ({', '.join(constant.owners)})" if constant.owners else ""
    return f"{constant.column} {value}{owners}"


def _title(results: Results, ranking: Ranking) -> str:
    title = f"{results.name}: {plural(len(ranking.configurations), 'configuration')}"
    if ranking.ranked == 0:
        return f"{title}, none with a value of {ranking.by}"
    title += f" ranked by {ranking.by} ({ranking.better[ranking.by]} is better)"
    fewest, most = ranking.repeats["all"].min(), ranking.repeats["all"].max()
    if most == 1:
        return title
    repeats = f"{most}" if fewest == most else f"{fewest} to {most}"
    return f"{title}, mean ± standard error of {repeats} repeats"


def _grid(ranking: Ranking) -> Grid:
    places = [str(i + 1) if i < ranking.ranked else "" for i in range(len(ranking.means))]
    columns = [Column("#", places), *parameter_columns(ranking.configurations, ranking.varying)]
    by_first = sorted(ranking.metrics, key=lambda name: name != ranking.by)
    for i, name in enumerate(by_first):
        pairs = zip(ranking.means[name], ranking.errors[name], strict=True)
        estimates = [estimate(mean, error) for mean, error in pairs]
        columns.append(_metric(ranking, name, estimates, weight=len(by_first) - i + 1))
    nfe = list(map(count, ranking.means["nfe"]))
    columns.append(_cost(ranking, "nfe", nfe, weight=len(by_first) + 2))
    ok, rows = ranking.repeats["ok"], ranking.repeats["all"]
    if rows.nunique() > 1 or (ok < rows).any():
        cells = [f"{o}/{r}" if o < r else str(r) for o, r in zip(ok, rows, strict=True)]
        columns.append(Column("repeats", cells, weight=1))
    seconds = [rounded(s, digits=3) for s in ranking.means["seconds"]]
    columns.append(_cost(ranking, "seconds", seconds, weight=0))
    return Grid(columns, ranking.ranked)
