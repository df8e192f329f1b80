"""Which rows can be compared by their metrics: those in which all yardsticks are equal.

``scorebench.running.yardstick`` says what the columns are. Rows without digests, made elsewhere,
have to agree in what else they say of features, reference and metrics; if that is nothing, they are
taken at their word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from scorebench.report import columns
from scorebench.report.numbers import MISSING
from scorebench.report.results import Results
from scorebench.store import YARDSTICK

DIGESTS = ("_digest", ".yardstick")


@dataclass(frozen=True)
class Part:
    """Rows of one results directory that can be compared with one another.

    Attributes:
        results: those rows alone.
        told: what sets them apart from the other parts, e.g. ``reference model gaussian``.
    """

    results: Results
    told: str


def parts(results: Results) -> list[Part]:
    """The parts of a table, in the order of their first rows; mostly one.

    Rows of other numbers of samples are apart, too: most metrics are biased by it.
    """
    told = yardsticks(results).join(columns.texts(results.table, ["samples"]))
    digests = [c for c in map(str, told) if c.endswith(".yardstick")]
    words = [c for c in map(str, told) if c not in (*digests, "samples")]
    digested = (told[digests] != MISSING).any(axis=1)
    deciding = told.assign(**{c: told[c].mask(digested, "") for c in words})
    groups = deciding.groupby(list(deciding), sort=False).ngroup()
    if groups.nunique() < 2:
        return [Part(results, "")]
    first = told.groupby(groups).first()
    varying = telling([c for c in map(str, first) if first[c].nunique() > 1])
    return [
        Part(
            replace(
                results,
                table=results.table[groups == i],
                planned=int((groups == i).sum()),
                chosen="",
            ),
            ", ".join(f"{c} {first.loc[i, c]}" for c in varying),
        )
        for i in first.index
    ]


def together(results: Sequence[Results]) -> Results:
    """Several tables as one, with a column that says whose a row is."""
    tables = [r.table.assign(**{columns.RESULTS: r.name}) for r in results]
    return Results(
        name=", ".join(r.name for r in results),
        folder=None,
        table=pd.concat(tables, ignore_index=True),
        better={m: way for r in reversed(results) for m, way in r.better.items()},
        planned=sum(r.planned for r in results),
        settings={},
    )


def yardsticks(results: Results) -> pd.DataFrame:
    """What the metrics of each row hang on, as text."""
    return columns.texts(
        results.table, [c for c in map(str, results.table) if YARDSTICK.fullmatch(c)]
    )


def differences(
    first: Mapping[str, str], other: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """What makes two rows incomparable: columns, and what each row has there; none if nothing.

    Only metrics that both rows have count.
    """
    common = [c for c in first if c in other and {first[c], other[c]} != {MISSING}]
    deciding = [c for c in common if c.endswith(".yardstick")] or common
    unequal = {c.removesuffix("yardstick") for c in deciding if first[c] != other[c]}
    if not unequal:
        return
    relevant = [c for c in {**first, **other} if not c.startswith("metric.") or _of(c, unequal)]
    pairs = {c: (first.get(c, MISSING), other.get(c, MISSING)) for c in relevant}
    for column in telling([c for c, (own, theirs) in pairs.items() if own != theirs]):
        yield column, *pairs[column]


def telling(found: Sequence[str]) -> list[str]:
    """Columns that differ, without the digests of what another one says in words."""
    words = [c for c in found if not c.endswith(DIGESTS)]
    roles = {c.partition(".")[0] for c in words}
    silent = [c for c in found if c.endswith("_digest") and c.partition("_")[0] not in roles]
    return words + silent or list(found)


def _of(column: str, metrics: set[str]) -> bool:
    return any(column.startswith(metric) for metric in metrics)
