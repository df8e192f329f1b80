"""What this machine can run: ``examine`` asks every part and tells what it finds.

Nothing is downloaded, and no query that fails ends the examination.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable
from pathlib import Path

from scorebench.doctor.cache import cache
from scorebench.doctor.devices import devices
from scorebench.doctor.finding import Finding, attempted
from scorebench.doctor.machine import machine
from scorebench.doctor.packages import core_packages, extras
from scorebench.doctor.plugins import find_host, plugins
from scorebench.doctor.weights import weights


def examine(paths: Iterable[Path] = ()) -> dict[str, list[Finding]]:
    """Findings by subject.

    Args:
        paths: plugin files and folders beside those that are installed.

    Raises:
        UserError: there is no such plugin file or folder.
    """
    with contextlib.redirect_stdout(sys.stderr):  # whatever plugins print
        host, problems = find_host(paths)
        queries = {
            "machine": machine,
            "devices": devices,
            "packages": core_packages,
            "extras": extras,
            "cache": cache,
            "weights": lambda: weights(host),
            "plugins": lambda: [*problems, *plugins(host)],
        }
        return {subject: attempted(subject, query) for subject, query in queries.items()}
