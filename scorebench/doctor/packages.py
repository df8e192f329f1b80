"""The packages that scorebench needs, and those of its extras, by its own metadata."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from scorebench.doctor.finding import Finding

NAME = "scorebench"
# E.g. 'diffusers>=0.30; extra == "bench"'; those of other markers are left to pip.
REQUIREMENT = re.compile(
    r"""([\w.-]+)(?:\[.*?\])?(?:>=([\d.]+))?[^;]*(?:;.*extra\s*==\s*["'](.+)["'])?"""
)


@dataclass(frozen=True)
class _Requirement:
    package: str
    least: str | None
    extra: str | None

    @property
    def found(self) -> str | None:
        """The version that is installed."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None

    @property
    def lacking(self) -> str | None:
        """What isn't there, e.g. ``ray>=2.9``; None where it is."""
        wanted = self.package if self.least is None else f"{self.package}>={self.least}"
        if self.found is None:
            return wanted
        if self.least is not None and _release(self.found) < _release(self.least):
            return f"{wanted} (this is {self.found})"
        return None


def core_packages() -> Iterator[Finding]:
    """Version of scorebench and of every package that it can't do without."""
    yield Finding(NAME, importlib.metadata.version(NAME))
    for need in _requirements():
        if need.extra is None and need.lacking:
            told = f"lacks {need.lacking}: pip install --upgrade {need.package}"
            yield Finding(need.package, told, "broken")
        elif need.extra is None:
            yield Finding(need.package, str(need.found))


def extras() -> Iterator[Finding]:
    """Of every extra the packages it stands for, or how to install them."""
    needs = _requirements()
    for extra in importlib.metadata.metadata(NAME).get_all("Provides-Extra") or ():
        its = [need for need in needs if need.extra == extra]
        if lacking := [need.lacking for need in its if need.lacking]:
            told = f"lacks {', '.join(lacking)}: pip install '{NAME}[{extra}]'"
            yield Finding(extra, told, "missing")
        else:
            yield Finding(extra, ", ".join(f"{need.package} {need.found}" for need in its))


def _requirements() -> list[_Requirement]:
    matches = map(REQUIREMENT.fullmatch, importlib.metadata.requires(NAME) or ())
    return [_Requirement(*match.groups()) for match in matches if match]


def _release(version: str) -> tuple[int, ...]:
    """The release of a version, e.g. ``2.14.1+cu130`` → (2, 14, 1)."""
    parts = itertools.takewhile(str.isdecimal, re.split(r"[.+]", version))
    return tuple(map(int, parts))
