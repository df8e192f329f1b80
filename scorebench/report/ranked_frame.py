"""A ranking as a table for machines: numbers as they are, nothing rounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from scorebench.report.columns import COSTS
from scorebench.report.ranking import Ranking

OWN = ("part", "rank", "repeats_ok", "repeats", "status")


def ranked_frame(table: pd.DataFrame, ranking: Ranking) -> pd.DataFrame:
    """A row for each configuration, best first.

    ``rank`` (missing where there is none); the columns chosen, or else all names, parameters,
    metrics and costs; after each mean its standard error, e.g. ``fid_stderr``; ``repeats_ok`` of
    ``repeats``; and ``status``: ``ok``, or how those that aren't ended. A column of the table's own
    that is called like one of these gets another ``_``.

    Args:
        table: the rows that were ranked.
        ranking: of them.
    """
    first = ranking.members.drop_duplicates()
    places = pd.Series(first.index, first)[ranking.means.index]
    given = table.iloc[places]
    ranks = [i + 1 if i < ranking.ranked else None for i in range(len(places))]
    frame: dict[str, Any] = {"rank": pd.array(ranks, "Int64")}
    told = ranking.chosen or (*map(str, ranking.configurations), *ranking.metrics, *COSTS)
    shown = list(dict.fromkeys(told))
    errors = {name: f"{name}_stderr" for name in shown if name in ranking.means}
    taken = {*OWN, *errors.values()}
    for name in shown:
        free = name
        while free in taken or (free != name and free in shown):
            free += "_"
        taken.add(free)
        if name in errors:
            frame[free] = ranking.means[name].array
            frame[errors[name]] = ranking.errors[name].array
        else:
            frame[free] = given[name].array
    frame["repeats_ok"] = ranking.repeats["ok"].array
    frame["repeats"] = ranking.repeats["all"].array
    frame["status"] = ranking.repeats["status"].replace("", "ok").array
    return pd.DataFrame(frame)


def stacked(frames: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Frames of parts that can't be compared in one: what tells them apart is column ``part``."""
    if len(frames) == 1:
        return frames[0][1]
    told = [pd.DataFrame({"part": part}, frame.index).join(frame) for part, frame in frames]
    return pd.concat(told, ignore_index=True)
