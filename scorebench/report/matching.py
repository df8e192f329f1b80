"""Which rows of several results are of one configuration and seed, and may be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from scorebench.report import columns
from scorebench.report.comparable import differences, yardsticks
from scorebench.report.numbers import MISSING
from scorebench.report.results import Results

Key = tuple[str, int]  # the name of results, and a configuration


@dataclass(frozen=True)
class Aside:
    """Configurations that are not compared.

    Attributes:
        why: the reason.
        configurations: one line each.
    """

    why: str
    configurations: list[str]


@dataclass(frozen=True)
class Match:
    """What may be compared with the first of several results.

    Attributes:
        configurations: all of them, as texts.
        rows: those to compare, by their place in all tables stacked: ``results``,
            ``configuration`` and ``seed``. Of a configuration, all results have the same seeds.
        asides: the other configurations.
    """

    configurations: pd.DataFrame
    rows: pd.DataFrame
    asides: list[Aside]


def match(results: Sequence[Results]) -> Match:
    """Match the rows of results, the first of which the others are compared with."""
    told = [columns.texts(r.table, columns.identifying(r.table)) for r in results]
    texts = pd.concat(told, ignore_index=True).fillna(MISSING)
    texts = texts.drop(columns=["suite", "coupled"], errors="ignore")
    configuration = texts.groupby(list(texts), sort=False).ngroup()
    rows = pd.DataFrame(
        {
            "results": [r.name for r in results for _ in range(len(r.table))],
            "configuration": configuration,
            "seed": [seed for r in results for seed in r.table["seed"]],
            "ok": [status == "ok" for r in results for status in r.table["status"]],
        }
    )
    return _Matching(results, texts.groupby(configuration).first(), rows).match()


class _Matching:
    """Goes through the configurations of all results, one after the other."""

    def __init__(
        self, results: Sequence[Results], configurations: pd.DataFrame, rows: pd.DataFrame
    ) -> None:
        self.first, *self.others = results
        self.configurations, self.rows = configurations, rows
        self.held: dict[str, set[int]] = defaultdict(set)
        self.seeds: dict[Key, set[int]] = defaultdict(set)
        self.yardsticks: dict[Key, Mapping[str, str]] = {}
        hung = [row for r in results for row in columns.records(yardsticks(r))]
        for (name, c, seed, ok), row in zip(rows.itertuples(index=False), hung, strict=True):
            self.held[name].add(c)
            self.yardsticks.setdefault((name, c), row)
            if ok:
                self.seeds[name, c].add(seed)
        # Configurations that differ in nothing but the number of samples are at one point.
        of_point = [c for c in configurations if c != "samples"]
        self.point = dict(configurations.groupby(of_point, sort=False).ngroup())
        self.common: dict[int, set[int]] = {}
        self.paired: set[Key] = set()
        self.reasons: dict[str, list[int]] = defaultdict(list)

    def match(self) -> Match:
        first = self.held[self.first.name]
        at_point = {self.point[c]: c for c in first}
        met, alone = set(), defaultdict(list)
        for other in self.others:
            for c in sorted(self.held[other.name]):
                if self.point[c] in at_point:
                    met.add(self.point[c])
                    of_first = c if c in first else at_point[self.point[c]]
                    self._pair(other.name, c, of_first)
                else:
                    alone[c].append(other.name)
        for c in sorted(first):
            if self.point[c] not in met:
                alone[c].append(self.first.name)
        for c, names in alone.items():
            self.reasons[f"only in {', '.join(names)}"].append(c)
        return Match(self.configurations, self._compared(), self._asides())

    def _pair(self, name: str, c: int, of_first: int) -> None:
        """Compare a configuration of other results with one of the first, or note why not."""
        first = self.first.name
        unequal = list(differences(self.yardsticks[first, of_first], self.yardsticks[name, c]))
        if c != of_first:
            unequal.append(("samples", *self.configurations["samples"][[of_first, c]]))
        not_ok = [n for n in (first, name) if (n, c) not in self.seeds]
        if unequal:
            told = (f"{col} {own} in {first}, {theirs} in {name}" for col, own, theirs in unequal)
            why = "; ".join(told)
        elif not_ok:
            why = f"no row ended ok in {' and '.join(not_ok)}"
        elif common := self.common.get(c, self.seeds[first, c]) & self.seeds[name, c]:
            self.common[c] = common
            self.paired.add((name, c))
            return
        else:
            why = f"no seed in common with {name}"
        self.reasons[f"not compared: {why}"].append(c)

    def _compared(self) -> pd.DataFrame:
        paired = self.paired | {(self.first.name, c) for c in self.common}
        rows = self.rows.itertuples(index=False)
        kept = [ok and (name, c) in paired and s in self.common[c] for name, c, s, ok in rows]
        return self.rows.loc[kept, ["results", "configuration", "seed"]]

    def _asides(self) -> list[Aside]:
        varying, _ = columns.split(self.configurations.drop(columns="samples"))
        told = [columns.describe(c, varying) for c in columns.records(self.configurations)]
        return [Aside(why, [told[c] for c in found]) for why, found in self.reasons.items()]
