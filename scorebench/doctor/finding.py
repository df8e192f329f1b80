"""One thing that the doctor tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from scorebench.plugin.importing import in_one_line

State = Literal["ok", "missing", "broken"]


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        name: of the thing.
        text: what is told of it, in one line.
        state: ``missing`` if it is optional and not here, ``broken`` if something must be mended.
        facts: what programs may want to know, as JSON; sizes are in bytes.
    """

    name: str
    text: str
    state: State = "ok"
    facts: Mapping[str, Any] = field(default_factory=dict)


def attempted(name: str, query: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a query finds; one that raises is itself a finding, after those it has made."""
    found: list[Finding] = []
    try:
        found.extend(query())
    except (Exception, SystemExit) as error:  # of a driver, a package or a plugin
        found.append(Finding(name, in_one_line(error), "broken"))
    return found
