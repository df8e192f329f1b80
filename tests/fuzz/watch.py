"""Reading under watch: it may end in a user's mistake, told well, and do nothing but read."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import scorebench
from scorebench.errors import PluginError, SuiteError, UserError

T = TypeVar("T")

CANARY = "canary_of_the_fuzzer"  # in all code that inputs hold
SECONDS = 20.0
MEMORY = 6 * 2**30  # bytes of address space beyond what the process has
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Which of an event's arguments are paths that it changes.
CHANGES = {
    "os.chmod": (0,),
    "os.link": (1,),
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.utime": (0,),
}
NEVER = {
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pickle.find_class",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.sendto",
    "subprocess.Popen",
}
# Where code may come from: Python, its packages, this project.
TRUSTED = (
    *(Path(path).resolve() for path in (sys.base_prefix, sysconfig.get_paths()["purelib"])),
    Path(scorebench.__file__).resolve().parents[1],
    Path(__file__).resolve().parents[2],
)


class HangError(BaseException):
    """An input takes far longer than any should. No ``except Exception`` stops it."""


class DeedError(Exception):
    """Something was done that reading must not do."""


class _Watch:
    """What is forbidden right now; the process has one, as an audit hook can't be taken away."""

    def __init__(self) -> None:
        self.writable: Path | None = None
        self.active = False
        self.deeds: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active:
            return
        self.active = False  # while it is judged, which opens files itself
        try:
            if self.forbids(event, arguments):
                self.deeds.append(f"{event} {arguments!r:.300}")
                raise DeedError(self.deeds[-1])
        finally:
            self.active = True

    def forbids(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            return bool(arguments[2] & WRITING) and not self.may_change(arguments[0])
        if event in CHANGES:
            return not all(self.may_change(arguments[i]) for i in CHANGES[event])
        if event == "compile":
            return CANARY in str(arguments[0])
        if event == "exec":
            source = getattr(arguments[0], "co_filename", "<")
            return not source.startswith("<") and not _inside(source, *TRUSTED)
        return event in NEVER

    def may_change(self, path: Any) -> bool:
        if isinstance(path, int):  # a file that is open already
            return True
        place = os.fspath(path)
        known = () if self.writable is None else (self.writable,)
        return place in (os.devnull, os.devnull.encode()) or _inside(place, *known)


def _inside(path: str | bytes, *folders: Path) -> bool:
    place = Path(os.path.realpath(os.fsdecode(path)))
    return any(place.is_relative_to(folder) for folder in folders)


_watch = _Watch()


@contextmanager
def watched(writable: Path | None = None) -> Iterator[None]:
    """Fail on whatever in the block writes elsewhere, runs code, talks to others or hangs."""
    _watch.deeds.clear()
    _watch.writable = None if writable is None else writable.resolve()
    compiled, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    limit = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGALRM, _hang)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    faulthandler.dump_traceback_later(3 * SECONDS, exit=True)  # of what no signal interrupts
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, limit[1]))
    _watch.active = True
    try:
        yield
    finally:
        _watch.active = False
        resource.setrlimit(resource.RLIMIT_AS, limit)
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        sys.dont_write_bytecode = compiled
    assert not _watch.deeds, _watch.deeds


def _hang(*_: object) -> None:
    raise HangError


def reading(read: Callable[[], T], writable: Path | None = None) -> T | None:
    """What is read under watch; None where the user is told why nothing can be."""
    with watched(writable):
        try:
            return read()
        except (UserError, PluginError) as error:
            told = error.problems if isinstance(error, SuiteError) else str(error).splitlines()
    assert told
    assert all(len(line.splitlines()) == 1 and line.strip() for line in told), told
    return None
