"""A comparison in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from rich.console import RenderableType

from scorebench.report.comparison import Comparison
from scorebench.report.layout import BOLD, DIM, Column, Grid, Paragraph
from scorebench.report.matching import Aside
from scorebench.report.numbers import aligned, estimate, rounded
from scorebench.report.ranked_grid import parameter_columns
from scorebench.report.terminal import BLANK, caption, partial, plural, rest

LISTED = 5  # configurations named of those not compared, if not all are to be


def comparison_report(comparison: Comparison, top: int) -> Iterator[RenderableType]:
    """What all rows have in common, a table for each metric, and what is not compared.

    Args:
        comparison: of two or more results.
        top: how many configurations to show; 0: all.
    """
    number = len(comparison.configurations)
    yield Paragraph(_title(comparison), BOLD)
    first, *others = comparison.results
    settings = {
        k: v for k, v in first.settings.items() if all(o.settings.get(k) == v for o in others)
    }
    yield caption(comparison.constants, settings)
    for results in comparison.results:
        yield from partial(results)
    for metric in comparison.metrics if number else ():
        way = comparison.better.get(metric)
        yield BLANK
        yield Paragraph(f"{metric} ({way} is better)" if way else metric, BOLD)
        yield _grid(comparison, metric, top or number)
    if top:
        yield from rest(number - top)
    for name, metrics in comparison.lone_metrics.items():
        yield BLANK
        yield Paragraph(f"metrics of {name} that are not compared: {', '.join(metrics)}")
    for aside in comparison.asides:
        yield from _aside(aside, LISTED if top else len(aside.configurations))


def _title(comparison: Comparison) -> str:
    first, *others = (results.name for results in comparison.results)
    number = len(comparison.configurations)
    title = f"{', '.join(others)} compared with {first}"
    if not number:
        return f"{title}: nothing can be compared"
    title = f"{title}: {plural(number, 'configuration')}"
    fewest, most = comparison.pairs.min(), comparison.pairs.max()
    if most == 1:
        return f"{title}, 1 pair of equal seed each"
    pairs = f"{most}" if fewest == most else f"{fewest} to {most}"
    return f"{title}, mean difference ± standard error over {pairs} pairs of equal seed"


def _grid(comparison: Comparison, metric: str, top: int) -> Grid:
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
    if comparison.pairs.nunique() > 1:
        columns.append(Column("pairs", list(map(str, comparison.pairs.head(top))), weight=0))
    return Grid(columns, top)


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


def _aside(aside: Aside, listed: int) -> Iterator[Paragraph]:
    yield BLANK
    yield Paragraph(f"{plural(len(aside.configurations), 'configuration')} {aside.why}")
    for configuration in aside.configurations[:listed]:
        yield Paragraph(configuration, DIM, indent=2, glue=" · ")
    yield from rest(len(aside.configurations) - listed)
