"""The page of a comparison: what got better or worse, as far as repeats can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scorebench import stats
from scorebench.report.comparable import Part
from scorebench.report.comparison import Comparison
from scorebench.report.differences import compared, difference_grid, extent, not_ok
from scorebench.report.figures.differences import MOST, difference_points, differences
from scorebench.report.figures.points import points
from scorebench.report.layout import Column, Grid
from scorebench.report.matching import Aside
from scorebench.report.numbers import MISSING
from scorebench.report.page.charts import DATA, ChartOfPage, charts, specification
from scorebench.report.page.columnar import columnar
from scorebench.report.page.content import Card, Content, Group, Table
from scorebench.report.page.payload import payload
from scorebench.report.page.provenance import ended, suites, surroundings, troubles
from scorebench.report.ranked_grid import ARROWS
from scorebench.report.ranking import Ranking
from scorebench.report.terminal import caption, plural
from scorebench.report.verdicts import IMPROVED, LOST, MEANT, REGRESSED

SHOWN = 30  # configurations of a table


def versus(comparison: Comparison, rankings: Sequence[tuple[Part, Ranking]]) -> Content:
    """What there is to say about two or more tables of results.

    Args:
        comparison: of them.
        rankings: of all of their rows together, by parts that can't be compared.
    """
    _, *others = comparison.results
    shown = points([ranking for _, ranking in rankings])
    rows = sum(len(r.table) for r in comparison.results)
    lost = [failure for _, ranking in rankings for failure in ranking.failures]
    found = payload(comparison.results, shown, rankings) if rows else {}
    pictured = list(_differences(comparison))
    if pictured:
        found |= {
            "differences": {
                m: columnar(difference_points(comparison, m)) for m in pictured[0].specs
            }
        }
    return Content(
        title=compared(comparison),
        subtitle=extent(comparison),
        verdict="Verdict",
        notices=[
            *(
                f"Partial results: {len(r.table):,} of {r.planned:,} cells of {r.name} have "
                "finished."
                for r in comparison.results
                if len(r.table) < r.planned
            ),
            *(f"{r.name}: only {r.chosen}." for r in comparison.results if r.chosen),
            *(f"{told}." for r in comparison.results for told in not_ok(r)),
        ],
        groups=[_group(comparison, other.name) for other in others]
        if len(comparison.configurations)
        else [],
        nothing="No configuration is in all results with rows that can be compared.",
        charts=[*pictured, *charts(shown)] if rows else [],
        troubles=troubles(comparison.results, lost),
        ended=ended(rows, lost),
        surroundings=[*_surroundings(comparison), *surroundings(comparison.results)],
        again=None,
        suites=suites(comparison.results),
        constants=caption(shown.constants, {}).text,
        payload=found,
        differences=[*_tables(comparison), *map(_aside, comparison.asides)],
    )


def _group(comparison: Comparison, name: str) -> Group:
    first = comparison.results[0].name
    cards = []
    for metric in comparison.metrics:
        counts = comparison.tally(name, metric)
        if not counts:
            continue
        better, worse = counts.pop(IMPROVED, 0), counts.pop(REGRESSED, 0)
        shown = [f"▲ {better:,} {IMPROVED}"] * (better > 0) + [f"▼ {worse:,} {REGRESSED}"] * (
            worse > 0
        )
        rest = [f"{verdict} in {number:,}" for verdict, number in counts.items()]
        cards.append(
            Card(
                name=f"{metric} {ARROWS.get(comparison.better.get(metric, ''), '')}",
                value=", ".join(shown or rest),
                text=", ".join(rest if shown else []),
                tone="bad" if worse else "warn" if LOST in counts else "good" if better else "",
            )
        )
    told = f"{name} against {first}" if len(comparison.results) > 2 else ""
    return Group(told, cards, list(_sentences(comparison, name)), [])


def _sentences(comparison: Comparison, name: str) -> Iterator[str]:
    if needed := comparison.repeats_needed():
        yield f"There are too few repeats to show any difference; with {needed} there could be one."
    yield (
        "A configuration counts as improved or regressed if a sign-flip permutation test of its "
        "pairs of equal seed says so after Holm's correction for all configurations, metrics and "
        f"results here, at a family-wise error rate of {stats.LEVEL:.0%}. Intervals are 95% "
        "bootstrap intervals of each difference alone, too short with fewer than "
        f"{stats.LEAST_PAIRS} pairs."
    )
    for verdict, meant in MEANT.items():
        if (comparison.verdicts[name] == verdict).to_numpy().any():
            yield f"{verdict.capitalize()}: {meant}."
    for lone, metrics in comparison.lone_metrics.items():
        yield f"Metrics that only {lone} has: {', '.join(metrics)}."


def _differences(comparison: Comparison) -> Iterator[ChartOfPage]:
    specs = {
        metric: specification(differences(DATA, comparison, metric))
        for metric in comparison.metrics
        if len(difference_points(comparison, metric))
    }
    if specs:
        yield ChartOfPage(
            name="differences",
            title="Differences and their intervals",
            caption="Mean difference over pairs of equal seed, with its bootstrap interval. At "
            f"most {MOST} configurations: those that improved or regressed, then the best.",
            section=("intervals", "What changed"),
            specs=specs,
        )


def _tables(comparison: Comparison) -> Iterator[Table]:
    number = len(comparison.configurations)
    for metric in comparison.metrics if number else ():
        way = comparison.better.get(metric)
        rest = number - SHOWN
        yield Table(
            caption=f"{metric} ({way} is better)" if way else metric,
            grid=difference_grid(comparison, metric, SHOWN),
            left_out=f"{rest:,} more with --top 0 in the terminal" if rest > 0 else "",
        )


def _aside(aside: Aside) -> Table:
    number = len(aside.configurations)
    shown = aside.configurations[:SHOWN]
    rest = number - len(shown)
    return Table(
        caption=f"{plural(number, 'configuration')} {aside.why}",
        grid=Grid([Column("configuration", shown, right=False)], number),
        left_out=f"{rest:,} more with --top 0 in the terminal" if rest else "",
    )


def _surroundings(comparison: Comparison) -> Iterator[Table]:
    if comparison.surroundings:
        names = [r.name for r in comparison.results]
        grid = Grid(
            [
                Column("", [what for what, _ in comparison.surroundings], right=False),
                *(
                    Column(
                        n, [of.get(n, MISSING) for _, of in comparison.surroundings], right=False
                    )
                    for n in names
                ),
            ],
            len(comparison.surroundings),
        )
        yield Table("What differs between the environments", grid)
