"""The page of one table of results: what was found, what it cost, what failed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from scorebench import stats
from scorebench.report.comparable import Part
from scorebench.report.figures.points import points
from scorebench.report.finding import Best, best_by_metric
from scorebench.report.numbers import estimate, rounded
from scorebench.report.page.charts import charts
from scorebench.report.page.content import Card, Content, Group, Table
from scorebench.report.page.payload import payload
from scorebench.report.page.provenance import again, ended, suites, surroundings, troubles
from scorebench.report.ranked_grid import ARROWS, ranked_grid
from scorebench.report.ranking import Ranking
from scorebench.report.results import Results
from scorebench.report.terminal import caption, plural

SHOWN = 20  # configurations of a ranking


def summary(results: Results, rankings: Sequence[tuple[Part, Ranking]]) -> Content:
    """What there is to say about one table of results.

    Args:
        results: all of it.
        rankings: of its parts, which can't be compared with one another.
    """
    shown = points([ranking for _, ranking in rankings])
    finished = len(results.table)
    failures = [failure for _, ranking in rankings for failure in ranking.failures]
    notices = []
    if finished < results.planned:
        notices.append(
            f"Partial results: {finished:,} of {results.planned:,} cells have finished. What is "
            "said here may change."
        )
    if results.chosen:
        notices.append(f"Only {results.chosen}.")
    if len(rankings) > 1:
        notices.append(
            f"{len(rankings)} rankings, because metrics can't be compared between them: their rows "
            "have other features, references, sample counts or versions of metrics."
        )
    return Content(
        title=results.name,
        subtitle=_subtitle(results, rankings),
        verdict="Finding",
        notices=notices,
        groups=[_group(part, ranking) for part, ranking in rankings] if finished else [],
        nothing=f"None of the {plural(results.planned, 'cell')} has finished yet."
        if results.planned and not results.chosen
        else "The table has no rows.",
        charts=charts(shown) if finished else [],
        troubles=troubles([results], failures),
        ended=ended(finished, failures),
        surroundings=surroundings([results]),
        again=again(results, rankings),
        suites=suites([results]),
        constants=caption(shown.constants, results.settings).text,
        payload=payload([results], shown, rankings) if finished else {},
    )


def _subtitle(results: Results, rankings: Sequence[tuple[Part, Ranking]]) -> str:
    number = sum(len(ranking.configurations) for _, ranking in rankings)
    told = [plural(number, "configuration"), plural(len(results.table), "row")]
    statuses = results.table["status"]
    if len(lost := statuses[statuses != "ok"]):
        told.append(f"{len(lost):,} not ok")
    return " · ".join(told)


def _group(part: Part, ranking: Ranking) -> Group:
    found = best_by_metric(part.results.table, ranking)
    by = next((best for best in found if best.metric == ranking.by), None)
    tables = [_ranked(ranking)]
    if by is not None and len(by.front) > 1:
        tables.insert(0, _front(ranking, by))
    return Group(
        part.told, [_card(ranking, b) for b in found], list(_sentences(part, ranking)), tables
    )


def _card(ranking: Ranking, best: Best) -> Card:
    value, _ = estimate(best.mean, best.error)
    return Card(
        name=f"best {best.metric} {ARROWS[best.way]}",
        value=value,
        text=ranking.describe(best.label),
        note=f"{_interval(best)}. {_excluded(best)}".rstrip(),
    )


def _interval(best: Best) -> str:
    repeats = plural(best.all_repeats, "repeat")
    if best.repeats < best.all_repeats:
        repeats = f"{best.repeats:,} of {repeats} ended ok"
    if math.isnan(best.low):
        return repeats
    if best.low == best.high:
        return f"{repeats}, all equal"
    low, high = (rounded(end, (best.high - best.low) / 4) for end in (best.low, best.high))
    short = ", too short with so few" if best.repeats < stats.LEAST_PAIRS else ""
    return f"{repeats}: 95% interval {low} to {high}{short}"


def _excluded(best: Best) -> str:
    """What can be said of the others, with 95% confidence."""
    if not best.others:
        return ""
    others = plural(best.others, "other")
    if best.repeats < best.all_repeats:
        return f"With repeats lost, it can't be told from {others}."
    if not best.seeded:
        return f"To tell it from {others} takes seeds to pair repeats by."
    if best.excluded == best.others:
        return f"Shown to be better than {'the' if best.others == 1 else 'each'} other."
    needed = stats.pairs_needed(best.others)
    if not best.excluded and best.repeats < needed:
        return f"To tell it from {others} takes {needed} repeats."
    return f"{best.others - best.excluded:,} of {others} may be as good."


def _sentences(part: Part, ranking: Ranking) -> Iterator[str]:
    lost = sum(failure.count for failure in ranking.failures)
    if not lost:
        return
    statuses: Counter[str] = Counter()
    for failure in ranking.failures:
        statuses[failure.status] += failure.count
    told = ", ".join(f"{number:,} {status}" for status, number in statuses.most_common())
    yield (
        f"{lost:,} of {plural(len(part.results.table), 'finished cell')} did not end ok: {told}. "
        "Failures, further down, says why."
    )


def _ranked(ranking: Ranking) -> Table:
    number = len(ranking.configurations)
    caption = f"Configurations ranked by {ranking.by}, mean ± standard error"
    rest = number - SHOWN
    left_out = f"{rest:,} more among all rows, and with --top 0 in the terminal" if rest > 0 else ""
    return Table(caption, ranked_grid(ranking, SHOWN), left_out)


def _front(ranking: Ranking, best: Best) -> Table:
    front = ranking.only(ranking.configurations.index.isin(best.front))
    grid = ranked_grid(front, SHOWN)
    told = f"Pareto set of {best.metric} against NFE: what no other beats at equal or lower cost"
    return Table(told, replace(grid, columns=[c for c in grid.columns if c.name != "#"]))
