"""The plugins, what they register, and what is wrong with them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from scorebench.doctor.finding import Finding
from scorebench.errors import PluginError, UserError
from scorebench.plugin.component import KINDS, Kind
from scorebench.plugin.host import Host, host_for


def find_host(paths: Iterable[Path]) -> tuple[Host, list[Finding]]:
    """The host of installed plugins, of those of ``SCOREBENCH_PLUGINS``, and of ``paths``.

    Returns:
        The host, and what is wrong with ``SCOREBENCH_PLUGINS``, which is then left out.

    Raises:
        UserError: a path doesn't exist or isn't a plugin file.
    """
    problems = []
    try:
        host = host_for()
    except UserError as error:
        problems.append(Finding("SCOREBENCH_PLUGINS", str(error), "broken"))
        host = Host()
        host.load_entry_points()
    host.load_paths(paths)
    return host, problems


def usable(host: Host, kind: Kind) -> dict[str, type]:
    """The classes of a kind's components by name, but for those that can't be used."""
    found = {}
    for name in host.components(kind):
        with contextlib.suppress(PluginError):
            found[name] = host.find(kind, name)
    return found


def plugins(host: Host) -> Iterator[Finding]:
    """Of every plugin how many components of which kinds it has, then all that is broken."""
    counts: dict[str, Counter[str]] = {}
    for kind in KINDS:
        for installed in host.components(kind).values():
            counts.setdefault(installed.origin, Counter())[kind] += 1
    for origin, of_kind in counts.items():
        told = ", ".join(f"{kind}: {number}" for kind, number in of_kind.items())
        yield Finding(origin, told, facts={"components": dict(of_kind)})
    for broken in host.broken:
        yield Finding(broken.origin, broken.reason, "broken")
    for kind in KINDS:
        for name in host.components(kind):
            try:
                host.find(kind, name)
            except PluginError as error:
                yield Finding(f"{kind} {name}", str(error), "broken")
