"""Whether a row that was run again says the same, and what it was computed with otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from scorebench.store import LAST, NOT_JSON, YARDSTICK

CLOSE = 1e-4  # relative difference up to which numbers agree
DESCRIBING = {*LAST, "repeat", "seed", "samples"}

Verdict = Literal["identical", "agree", "differ"]


@dataclass(frozen=True)
class Comparison:
    """A value then and now."""

    name: str
    then: Any
    now: Any
    verdict: Verdict


def comparisons(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Comparison]:
    """Status, error and numbers of two rows: not what they cost, and not what hangs on chance.

    Numbers are identical if all their bits are, and agree if they differ by at most ``CLOSE`` of
    the larger one, which leaves room for the rounding of other devices and versions. They may well
    differ by more there, as where a sampler accepts or rejects by what was rounded. An error of the
    same status agrees, as it may tell of sizes.
    """
    status: Verdict = "identical" if then["status"] == now["status"] else "differ"
    found = [Comparison("status", then["status"], now["status"], status)]
    if then.get("error") or now.get("error"):
        same = then.get("error") == now.get("error")
        verdict: Verdict = "identical" if same else "agree" if status == "identical" else "differ"
        found.append(Comparison("error", then.get("error"), now.get("error"), verdict))
    for name in {**then, **now}:
        a, b = _number(then.get(name)), _number(now.get(name))
        if name in DESCRIBING or YARDSTICK.fullmatch(name) or a is b is None:
            continue
        found.append(Comparison(name, a, b, _verdict(a, b)))
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return NOT_JSON.get(value)
    return value if isinstance(value, int | float) else None


def _verdict(a: float | None, b: float | None) -> Verdict:
    if a is None or b is None:
        return "differ"
    if a == b or (math.isnan(a) and math.isnan(b)):
        return "identical"
    return "agree" if math.isclose(a, b, rel_tol=CLOSE) else "differ"


def differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, object, object]]:
    """What isn't equal in two environments: its name, what it was then, and what it is now."""
    before, after = dict(_flat(then)), dict(_flat(now))
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [(name, before.get(name), after.get(name)) for name in names]


def _flat(environment: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in environment.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
