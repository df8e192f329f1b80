"""The machine, as far as this process may use it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator

from scorebench.doctor.disk import readable
from scorebench.doctor.finding import Finding
from scorebench.running import cgroup, hardware


def machine() -> Iterator[Finding]:
    """Operating system, Python, processor and memory."""
    yield Finding("system", platform.platform())
    yield Finding("python", platform.python_version())

    cores, online = hardware.usable_cores(), os.cpu_count() or 1
    some = f" of {online}, by affinity or control group" if cores < online else ""
    yield Finding(
        "processor",
        f"{hardware.cpu_model()}, usable cores: {cores}{some}",
        facts={"cores": cores, "cores_online": online},
    )

    memory, limit = hardware.memory(), cgroup.memory_limit()
    total, available = (
        "unknown" if amount is None else readable(amount)
        for amount in (memory.total, memory.available)
    )
    limited = ", limited by the control group" if limit and limit == memory.total else ""
    yield Finding(
        "memory",
        f"{total}{limited}, available: {available}",
        facts={"total": memory.total, "available": memory.available},
    )
