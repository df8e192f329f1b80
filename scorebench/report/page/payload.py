"""What a page's script works on: points of the charts, rows, pictures, commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from scorebench.report.columns import RESULTS, ROLES
from scorebench.report.comparable import Part
from scorebench.report.figures import axes
from scorebench.report.figures.points import Points
from scorebench.report.page.columnar import columnar
from scorebench.report.page.pictures import pictures
from scorebench.report.page.reproduce import command
from scorebench.report.ranking import Ranking
from scorebench.report.results import Results


def payload(
    results: Sequence[Results],
    points: Points,
    rankings: Sequence[tuple[Part, Ranking]],
) -> dict[str, Any]:
    """All that the script needs, except for the charts.

    Args:
        results: whose rows they are.
        points: of the rankings, in their order.
        rankings: what is shown.
    """
    rows = pd.concat([part.results.table for part, _ in rankings]).sort_index()
    members = _members(points, rankings)
    return {
        "key": "\n".join([*(r.name for r in results), *points.parameters, *points.metrics]),
        "name": results[0].name,
        "points": columnar(points.frame),
        "parameters": points.parameters,
        "numeric": points.numeric(),
        "constants": [
            [c.column, c.value, c.owners]
            for c in points.constants
            if c.column.partition(".")[0] in ROLES
        ],
        "metrics": points.metrics,
        "parts": [part.told or part.results.name for part, _ in rankings],
        "defaults": _defaults(points, rankings[0][1].by),
        "rows": columnar(rows),
        "members": members.tolist(),
        "pictures": pictures(_pictured(results, rows, members)),
        "commands": {r.name: asdict(c) for r in results if (c := command(r))},
    }


def _members(points: Points, rankings: Sequence[tuple[Part, Ranking]]) -> pd.Series[int]:
    """For each row the id of the point that it is part of."""
    found = []
    for i, (part, ranking) in enumerate(rankings):
        ids = points.frame.loc[points.frame["part"] == i, "id"]
        ids_by_label = pd.Series(ids.to_numpy(), ranking.configurations.index)
        members = ids_by_label[ranking.members].to_numpy()
        found.append(pd.Series(members, part.results.table.index))
    return pd.concat(found).sort_index()


def _pictured(
    results: Sequence[Results], rows: pd.DataFrame, members: pd.Series[int]
) -> Iterator[tuple[Results, str]]:
    """Rows that may have pictures: first those of the first seed, the best of them first."""
    order = pd.DataFrame({"seed": rows["seed"], "point": members}).sort_values(["seed", "point"])
    by_seed = rows.loc[order.index]
    by_name = {r.name: r for r in results}
    whose = by_seed[RESULTS] if len(results) > 1 else [results[0].name] * len(by_seed)
    for name, fingerprint in zip(whose, by_seed["fingerprint"], strict=True):
        yield by_name[name], str(fingerprint)


def _defaults(points: Points, by: str) -> Mapping[str, Any]:
    """What is shown until the reader chooses."""
    plane = axes.plane(points)
    curve = axes.curve(points)
    return {
        "metric": by if by in points.metrics else next(iter(points.metrics), None),
        "series": axes.series(points),
        "part": 0,
        **({"x": plane[0], "y": plane[1], "fixed": {}} if plane else {}),
        **({"curve": curve, "curveSeries": axes.curve_series(points, curve)} if curve else {}),
    }
