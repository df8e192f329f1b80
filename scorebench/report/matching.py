"""Which rows of several results are of one configuration and seed, and may be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
            ``configuration`` and ``seed``, numbered in order. Of a configuration, all results have
            the same seeds.
        intact: for each configuration compared, by name of the other results, whether all its rows
            ended ok, in whichever results it is compared; else its seeds are a biased choice.
        asides: the other configurations.
    """

    configurations: pd.DataFrame
    rows: pd.DataFrame
    intact: Mapping[Key, bool]
    asides: list[Aside]


def match(results: Sequence[Results]) -> Match:
    """Match the rows of results, the first of which the others are compared with."""
    told = [columns.texts(r.table, columns.identifying(r.table)) for r in results]
    texts = pd.concat(told, ignore_index=True).fillna(MISSING)
    texts = texts.drop(columns=["suite", "coupled"], errors="ignore")
    configuration = texts.groupby(list(texts), sort=False).ngroup()
    seeds = pd.Series([seed for r in results for seed in r.table["seed"]], dtype=object)
    rows = pd.DataFrame(
        {
            "results": [r.name for r in results for _ in range(len(r.table))],
            "configuration": configuration,
            "seed": pd.factorize(seeds, sort=True)[0],  # -1 where there is none
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
        self.lossy: set[Key] = set()
        for name, c, seed, ok in rows.itertuples(index=False):
            self.held[name].add(c)
            if not ok:
                self.lossy.add((name, c))
            elif seed >= 0:
                self.seeds[name, c].add(seed)
        # What the rows that ended ok hang on; all of a configuration should on the same.
        self.yardsticks: dict[Key, list[Mapping[str, str]]] = defaultdict(list)
        for r in results:
            own = rows[(rows["results"] == r.name).to_numpy()]
            hung = yardsticks(r).set_axis(own.index)[own["ok"]]
            distinct = hung.assign(configuration=own["configuration"]).drop_duplicates()
            found = columns.records(hung.loc[distinct.index])
            for row, c in zip(found, distinct["configuration"], strict=True):
                self.yardsticks[r.name, c].append(row)
        # Configurations that differ in nothing but the number of samples are at one point.
        of_point = [c for c in configurations if c != "samples"]
        self.point = dict(configurations.groupby(of_point, sort=False).ngroup())
        self.common: dict[int, set[int]] = {}
        self.sides: dict[int, list[str]] = {}  # names of the results compared, the first's first
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
        intact = {
            (name, c): self.lossy.isdisjoint((one, c) for one in names)
            for c, names in self.sides.items()
            for name in names[1:]
        }
        return Match(self.configurations, self._compared(), intact, self._asides())

    def _pair(self, name: str, c: int, of_first: int) -> None:
        """Compare a configuration of other results with one of the first, or note why not."""
        own, theirs = (self.first.name, of_first), (name, c)
        not_ok = [key[0] for key in (own, theirs) if not self.yardsticks[key]]
        without = [key[0] for key in (own, theirs) if not self.seeds[key]]
        if unequal := list(self._unequal(own, theirs)):
            why = "; ".join(unequal)
        elif not_ok:
            why = f"no row ended ok in {' and '.join(not_ok)}"
        elif without:
            why = f"no seeds to pair by in {' and '.join(without)}"
        elif common := self.common.get(c, self.seeds[own]) & self.seeds[theirs]:
            self.common[c] = common
            self.sides.setdefault(c, [self.first.name]).append(name)
            return
        else:
            why = f"no seed in common with {name}"
        if c not in (aside := self.reasons[f"not compared: {why}"]):
            aside.append(c)

    def _unequal(self, own: Key, theirs: Key) -> Iterator[str]:
        """Why rows can't be compared: those within one side, or else of one with the other."""
        mixed = [
            f"{column} {one} and {another} within {key[0]}"
            for key in (own, theirs)
            for row in self.yardsticks[key][1:]
            for column, one, another in differences(self.yardsticks[key][0], row)
        ]
        yield from mixed
        either = (self.yardsticks[own][:1], self.yardsticks[theirs][:1])
        for first, other in zip(*either, strict=False):
            if not mixed:
                for column, before, after in differences(first, other):
                    yield f"{column} {before} in {own[0]}, {after} in {theirs[0]}"
        if own[1] != theirs[1]:
            before, after = self.configurations["samples"][[own[1], theirs[1]]]
            yield f"samples {before} in {own[0]}, {after} in {theirs[0]}"

    def _compared(self) -> pd.DataFrame:
        rows = self.rows.itertuples(index=False)
        kept = [ok and n in self.sides.get(c, ()) and s in self.common[c] for n, c, s, ok in rows]
        return self.rows.loc[kept, ["results", "configuration", "seed"]]

    def _asides(self) -> list[Aside]:
        varying, _ = columns.split(self.configurations.drop(columns="samples"))
        told = [columns.describe(c, varying) for c in columns.records(self.configurations)]
        return [Aside(why, [told[c] for c in found]) for why, found in self.reasons.items()]
