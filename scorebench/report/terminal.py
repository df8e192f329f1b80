"""A ranking in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.style import Style

from scorebench.report.columns import Constant
from scorebench.report.layout import BOLD, DIM, Paragraph
from scorebench.report.numbers import printable
from scorebench.report.ranked_grid import ranked_grid
from scorebench.report.ranking import Failure, Ranking
from scorebench.report.results import Results

WARNING = Style(color="yellow")
BAD = Style(color="red", bold=True)
BLANK = Paragraph("")
USUAL = 80  # characters of a terminal


def show(console: Console, parts: Iterable[RenderableType]) -> None:
    """Print a report: fitted to a terminal's width or, into a file or pipe, in whole lines."""
    if console.width < 1:  # as COLUMNS=0 has it, in which nothing at all would be printed
        console.width = USUAL
    console.print(Group(*parts), soft_wrap=not console.is_terminal, crop=False)


def not_comparable(results: Results, number: int) -> Iterator[RenderableType]:
    """Says that results fall into parts that mustn't be compared, each ranked on its own."""
    yield from partial(results)
    yield from chosen(results)
    told = f"{results.name}: {number} rankings, because metrics can't be compared between them"
    yield Paragraph(told, WARNING)


def ranking_report(
    results: Results, ranking: Ranking, top: int, part: str = ""
) -> Iterator[RenderableType]:
    """What all rows have in common, the ranked table, and what failed; if nothing, that.

    Args:
        results: where the rows come from.
        ranking: of its table.
        top: how many configurations, and kinds of failures, to show; 0: all.
        part: what sets these rows apart from others that they can't be compared with.
    """
    number = len(ranking.configurations)
    top = top or max(number, len(ranking.failures))
    if part:
        yield BLANK
        yield Paragraph(part, BOLD)
    yield Paragraph(_title(results, ranking), BOLD)
    yield from chosen(results)
    if not number:
        return
    named = [c for c in ranking.constants if (c.column, c.value) != ("suite", results.name)]
    yield caption(named, results.settings, *_devices(results))
    yield from partial(results)
    yield BLANK
    yield ranked_grid(ranking, top)
    yield from rest(number - top)
    yield from _failures(results, ranking.failures, top)


def caption(constants: Iterable[Constant], settings: Mapping[str, str], *further: str) -> Paragraph:
    """What all rows have in common."""
    told = [
        f"{c.column} {c.value}" + (f" ({', '.join(c.owners)})" if c.owners else "")
        for c in constants
    ]
    told += [f"{k} {v}" for k, v in settings.items() if v not in ("none", "dataset", "defaults")]
    return Paragraph(" · ".join([*told, *further]), DIM, glue=" · ")


def _devices(results: Results) -> Iterator[str]:
    """The devices that the rows were computed on, if they are known."""
    names = {printable(str(name)) for name in results.table["device"].dropna()}
    if names:
        yield f"device {', '.join(sorted(names))}"


def partial(results: Results) -> Iterator[Paragraph]:
    """Says so if not all cells have finished."""
    if (finished := len(results.table)) < results.planned:
        told = (
            f"partial results: {finished:,} of {results.planned:,} cells of {results.name} finished"
        )
        yield Paragraph(told, WARNING)


def chosen(results: Results) -> Iterator[Paragraph]:
    """Says which rows this is of, if not of all."""
    if results.chosen:
        yield Paragraph(f"{results.name}: only {results.chosen}", WARNING)


def rest(number: int) -> Iterator[Paragraph]:
    """Says how many are not shown, if any."""
    if number > 0:
        yield Paragraph(f"… {number:,} more; --top 0 shows all", DIM)


def plural(number: int, thing: str) -> str:
    """A number of things."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _title(results: Results, ranking: Ranking) -> str:
    if results.table.empty:
        cells = plural(results.planned, "cell")
        if results.chosen and results.planned:
            return f"{results.name}: no rows ({cells} unfinished)"
        none = f"none of its {cells} has finished yet"
        return f"{results.name}: {none if results.planned else 'no rows'}"
    per = f"best configuration per {' and '.join(ranking.per)} of " if ranking.per else ""
    title = f"{results.name}: {per}{plural(ranking.members.nunique(), 'configuration')}"
    if ranking.ranked == 0:
        return f"{title}, none with a value of {ranking.by}"
    title += f" ranked by {ranking.by} ({ranking.better[ranking.by]} is better)"
    fewest, most = ranking.repeats["all"].min(), ranking.repeats["all"].max()
    if most == 1:
        return title
    repeats = f"{most}" if fewest == most else f"{fewest} to {most}"
    return f"{title}, mean ± standard error of {repeats} repeats"


def _failures(results: Results, failures: Sequence[Failure], top: int) -> Iterator[RenderableType]:
    if not failures:
        return
    failed = sum(failure.count for failure in failures)
    rows = plural(len(results.table), "finished cell")
    yield BLANK
    yield Paragraph(f"{failed:,} of {rows} did not end ok", BAD)
    for failure in failures[:top]:
        error = f": {failure.error}" if failure.error else ""
        place = f" · cells/{failure.fingerprint}.json" if results.folder else ""
        yield Paragraph(f"{failure.count:,} × {failure.status}{error}", indent=2)
        yield Paragraph(f"e.g. {failure.example}{place}", DIM, indent=6, glue=" · ")
    yield from rest(len(failures) - top)
