"""What the control group of this process lets it use, as in containers and cluster jobs.

A limit may be set at any level from the process's own group up to the root, and the lowest holds.
Both versions of the interface are read (Linux, admin-guide/cgroup-v2 and cgroup-v1).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path("/")


def cpu_limit() -> float | None:
    """How many processors' time the process may use, e.g. 1.5; None where that isn't limited."""
    found = []
    for level in _levels("cpu"):
        quota, _, period = _text(level / "cpu.max").partition(" ")
        if not period:
            quota, period = (_text(level / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        if quota.isdecimal() and period.isdecimal():  # neither "max" nor -1
            found.append(int(quota) / int(period))
    return min(found, default=None)


def memory_limit() -> int | None:
    """How much memory the process and those in its group may use, in bytes; None: no limit."""
    return min((limit for limit, _ in _memory()), default=None)


def memory_left() -> int | None:
    """How much of the limit isn't used, in bytes; None where there is no limit.

    Files that are kept in memory but not in use count as unused: they make room when need be.
    """
    return min((max(limit - used, 0) for limit, used in _memory()), default=None)


def _memory() -> Iterator[tuple[int, int]]:
    """Limit and use at every level that has a limit."""
    for level in _levels("memory"):
        for limit, used, idle in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            largest = _text(level / limit)
            # The first version writes the largest multiple of a page for no limit.
            if largest.isdecimal() and int(largest) < 2**62:
                stat = dict(line.split() for line in _text(level / "memory.stat").splitlines())
                yield int(largest), int(_text(level / used) or 0) - int(stat.get(idle, 0))


def _levels(controller: str) -> Iterator[Path]:
    """The folders that may limit the process, from its own group's up to the root's.

    A container may be told its path on the host, which isn't there; then the root is its own.
    """
    for line in _text(ROOT / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = ROOT / "sys/fs/cgroup" / (controller if controllers else "")
        own = PurePosixPath(path.lstrip("/"))
        yield from (top / level for level in (own, *own.parents))


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
