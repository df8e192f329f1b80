"""A comparison as text and tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.console import RenderableType

from scorebench import stats
from scorebench.report.comparison import Comparison
from scorebench.report.layout import BOLD, DIM, PLAIN, Column, Grid, Paragraph
from scorebench.report.matching import Aside
from scorebench.report.numbers import MISSING, aligned, estimate, rounded
from scorebench.report.ranked_grid import parameter_columns
from scorebench.report.results import Results
from scorebench.report.terminal import BAD, BLANK, WARNING, caption, chosen, partial, plural, rest
from scorebench.report.verdicts import (
    EQUAL,
    FEW,
    IMPROVED,
    LOST,
    MEANT,
    REGRESSED,
    UNCHANGED,
    UNSHOWN,
)

LISTED = 5  # configurations named of those not compared, if not all are to be

# How verdicts read in a table, and where there is little room.
VERDICTS = {
    "": ("", ""),
    IMPROVED: ("▲ improved *", "▲ *"),
    REGRESSED: ("▼ regressed *", "▼ *"),
    UNSHOWN: (UNSHOWN, "not shown"),
    UNCHANGED: (UNCHANGED, UNCHANGED),
    FEW: (FEW, "too few"),
    LOST: (LOST, "lost"),
    EQUAL: (EQUAL, "all equal"),
}


def comparison_report(comparison: Comparison, top: int) -> Iterator[RenderableType]:
    """What is shown at a glance, a table for each metric, and what is not compared.

    Args:
        comparison: of two or more results.
        top: how many configurations to show; 0: all.
    """
    number = len(comparison.configurations)
    yield Paragraph(f"{compared(comparison)}: {extent(comparison)}", BOLD)
    yield from _summary(comparison)
    first, *others = comparison.results
    settings = {
        k: v for k, v in first.settings.items() if all(o.settings.get(k) == v for o in others)
    }
    yield caption(comparison.constants, settings)
    for results in comparison.results:
        yield from partial(results)
        yield from chosen(results)
        for told in not_ok(results):
            yield Paragraph(told, WARNING)
    for metric in comparison.metrics if number else ():
        way = comparison.better.get(metric)
        yield BLANK
        yield Paragraph(f"{metric} ({way} is better)" if way else metric, BOLD)
        yield difference_grid(comparison, metric, top or number)
    if top:
        yield from rest(number - top)
    yield from _surroundings(comparison)
    for name, metrics in comparison.lone_metrics.items():
        yield BLANK
        yield Paragraph(f"metrics of {name} that are not compared: {', '.join(metrics)}")
    for aside in comparison.asides:
        yield from _aside(aside, LISTED if top else len(aside.configurations))


def compared(comparison: Comparison) -> str:
    """What is compared with what."""
    first, *others = (results.name for results in comparison.results)
    return f"{', '.join(others)} compared with {first}"


def extent(comparison: Comparison) -> str:
    """How much is compared, and how."""
    number = len(comparison.configurations)
    if not number:
        return "nothing can be compared"
    title = plural(number, "configuration")
    fewest, most = comparison.pairs.min(), comparison.pairs.max()
    if most == 1:
        return f"{title}, 1 pair of equal seed each"
    pairs = f"{most}" if fewest == most else f"{fewest} to {most}"
    return f"{title}, mean difference ± standard error over {pairs} pairs of equal seed"


def not_ok(results: Results) -> Iterator[str]:
    """Says how many rows did not end ok, if any."""
    if lost := int((results.table["status"] != "ok").sum()):
        cells = plural(len(results.table), "cell")
        yield f"{lost:,} of {cells} of {results.name} did not end ok"


def _summary(comparison: Comparison) -> Iterator[Paragraph]:
    """Verdicts counted, and what they are worth."""
    for results in comparison.results[1:]:
        name = results.name
        for metric in comparison.metrics:
            if counts := comparison.tally(name, metric):
                told = ", ".join(f"{number:,} {verdict}" for verdict, number in counts.items())
                style = BAD if REGRESSED in counts else WARNING if LOST in counts else PLAIN
                yield Paragraph(f"{name}: {metric} {told}", style)
    if needed := comparison.repeats_needed():
        yield Paragraph(f"too few repeats to show any difference; {needed} could")
    if notes := list(_notes(comparison)):
        yield Paragraph(" · ".join(notes), DIM, glue=" · ")


def _notes(comparison: Comparison) -> Iterator[str]:
    if comparison.p.notna().any(axis=None):
        star = comparison.verdicts.isin([IMPROVED, REGRESSED]).any(axis=None)
        told = f"family-wise error rate {stats.LEVEL:.0%} (sign-flip test, Holm's correction)"
        yield f"* {told}" if star else told
    if comparison.low.notna().any(axis=None):
        told = f"[] {1 - stats.LEVEL:.0%} bootstrap interval"
        few = comparison.pairs.min() < stats.LEAST_PAIRS
        yield f"{told}, too short with fewer than {stats.LEAST_PAIRS} pairs" if few else told
    for verdict, meant in MEANT.items():
        if (comparison.verdicts == verdict).any(axis=None):
            yield f"{verdict}: {meant}"


def difference_grid(comparison: Comparison, metric: str, top: int) -> Grid:
    """Means of one metric, and differences with their intervals and verdicts, of so many."""
    first, *others = (results.name for results in comparison.results)
    configurations = comparison.configurations.head(top)
    errors = {name: comparison.errors[name, metric].head(top) for name in others}
    finest = pd.DataFrame(errors).min(axis=1)
    columns = [
        *parameter_columns(configurations, comparison.varying),
        _means(comparison, metric, first, finest),
    ]
    for name in others:
        if comparison.means[name, metric].notna().any():
            columns.append(_means(comparison, metric, name, errors[name]))
            columns.append(_differences(comparison, metric, name, errors[name]))
            columns += _intervals(comparison, metric, name, errors[name])
            columns += _verdicts(comparison, metric, name, len(configurations))
    if comparison.pairs.nunique() > 1:
        columns.append(Column("pairs", list(map(str, comparison.pairs.head(top))), weight=0))
    return Grid(columns, top)


def difference_frame(comparison: Comparison) -> pd.DataFrame:
    """A row for each other results, metric and configuration, for machines: nothing is rounded.

    What the row is of; ``mean`` and ``mean_first``, over the same ``pairs``; ``difference`` and its
    standard error; the interval's ends; Holm's p-value; and the verdict. Missing where unknown.
    """
    first, *others = (results.name for results in comparison.results)
    told = comparison.configurations.apply(_typed)
    frames = [
        told.assign(
            metric=metric,
            results=name,
            mean=comparison.means[name, metric],
            first=first,
            mean_first=comparison.means[first, metric],
            difference=comparison.differences[name, metric],
            difference_stderr=comparison.errors[name, metric],
            low=comparison.low[name, metric],
            high=comparison.high[name, metric],
            p_holm=comparison.p[name, metric],
            pairs=comparison.pairs,
            verdict=comparison.verdicts[name, metric].replace("", None),
        )
        for name in others
        for metric in comparison.metrics
    ]
    return pd.concat(frames, ignore_index=True)


def _typed(texts: pd.Series[str]) -> pd.Series[Any]:
    """Texts as numbers, if all are."""
    known = texts.where(texts != MISSING, None)
    try:
        return pd.to_numeric(known.str.replace(",", "") if texts.name == "samples" else known)
    except ValueError:
        return known


def _means(comparison: Comparison, metric: str, name: str, errors: pd.Series[float]) -> Column:
    """Means to the digits that the error of their difference leaves them."""
    means = comparison.means[name, metric].head(len(errors))
    return Column(name, [rounded(m, e) for m, e in zip(means, errors, strict=True)])


def _differences(
    comparison: Comparison, metric: str, name: str, errors: pd.Series[float]
) -> Column:
    first, number = comparison.results[0].name, len(errors)
    differences = comparison.differences[name, metric].head(number)
    means = comparison.means[first, metric].head(number)
    cells = [_difference(*triple) for triple in zip(differences, errors, means, strict=True)]
    return Column(f"{name} - {first}", aligned(cells), strong=True)


def _difference(difference: float, error: float, mean: float) -> tuple[str, str]:
    """A difference with its sign; without an error to the digits that the mean is given."""
    value, spread = estimate(difference, error)
    if not error > 0:
        value = rounded(difference, abs(mean) / 100)
    return f"+{value}" if difference > 0 else value, spread


def _intervals(
    comparison: Comparison, metric: str, name: str, errors: pd.Series[float]
) -> Iterator[Column]:
    ends = [frame[name, metric].head(len(errors)) for frame in (comparison.low, comparison.high)]
    if ends[0].notna().any():
        cells = [
            "" if math.isnan(low) else f"[{rounded(low, error)}, {rounded(high, error)}]"
            for low, high, error in zip(*ends, errors, strict=True)
        ]
        yield Column("interval", cells, weight=1)


def _verdicts(comparison: Comparison, metric: str, name: str, top: int) -> Iterator[Column]:
    verdicts = comparison.verdicts[name, metric].head(top)
    if verdicts.any():
        full, brief = ([VERDICTS[v][form] for v in verdicts] for form in (0, 1))
        short = Column("verdict", brief, right=False)
        yield Column("verdict", full, right=False, short=short)


def _surroundings(comparison: Comparison) -> Iterator[Paragraph]:
    if comparison.surroundings:
        yield BLANK
        yield Paragraph("computed with")
    for what, values in comparison.surroundings:
        told = ", ".join(f"{value} in {name}" for name, value in values.items())
        yield Paragraph(f"{what} {told}", DIM, indent=2)


def _aside(aside: Aside, listed: int) -> Iterator[Paragraph]:
    yield BLANK
    yield Paragraph(f"{plural(len(aside.configurations), 'configuration')} {aside.why}")
    for configuration in aside.configurations[:listed]:
        yield Paragraph(configuration, DIM, indent=2, glue=" · ")
    yield from rest(len(aside.configurations) - listed)
