"""One process at a time in a directory: a lock that tells who holds it and ends with its holder."""

from __future__ import annotations

import datetime
import errno
import json
import os
import random
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scorebench.errors import UserError

LOCK = "lock"  # what the file of a folder's lock is called
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
# A link might lead to a file of somebody else's, and a pipe would be waited for.
UNFOLLOWED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
LONGEST = 4096  # bytes read of what a holder wrote

_held: set[int] = set()  # the handles by which this process holds locks


class BusyError(UserError):
    """Another process holds the lock; ``holder`` is what it wrote, empty if unreadable."""

    def __init__(self, path: Path, holder: Mapping[str, Any]) -> None:
        super().__init__(
            f"{path.parent} is in use by {described(holder)}; wait for it, or name another "
            "directory with --results"
        )


@contextmanager
def locked(path: Path, about: Mapping[str, Any]) -> Iterator[None]:
    """Hold a lock, e.g. ``results/x/lock`` for all of ``results/x``.

    The lock is the system's, so that one left by a process that was killed doesn't block. Where the
    system or the file system has none, a file that names a live process of this host stands for it.
    The file is removed with the lock; one that is left does no harm.

    Args:
        path: the lock's file, e.g. ``folder / LOCK``; its folder is made where there is none.
        about: JSON that tells others who holds it, e.g. ``command``; pid, host and when it started
            (UTC) are added.

    Raises:
        BusyError: another process, or another part of this one, holds it.
        OSError: the file can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, place = _take(path), path.absolute()
    _held.add(handle)
    try:
        _write(handle, about)
        yield
    finally:
        if handle in _held:
            _held.remove(handle)
            with suppress(OSError):
                if _is_at(handle, place):
                    place.unlink()
            os.close(handle)


def holder(path: Path) -> dict[str, Any] | None:
    """What the process that holds a lock wrote, empty if unreadable; None if nobody holds it."""
    try:
        handle = os.open(path, os.O_RDONLY | UNFOLLOWED)
    except OSError:
        return None
    try:
        free = _lock(handle, shared=True)
        about = _read(handle)
        return about if free is False or (free is None and _is_alive(about)) else None
    finally:
        os.close(handle)


def described(about: Mapping[str, Any]) -> str:
    """A holder in words, e.g. ``scorebench run (process 7 on host, since 2026-11-30 12:00 UTC)``.

    Args:
        about: what it wrote; anything, as it comes from a file.
    """
    words = {key: _printable(about[key]) for key in about}
    details = f"process {words['pid']}" if "pid" in words else ""
    details += f" on {words['host']}" if "host" in words else ""
    with suppress(KeyError, ValueError, OverflowError):
        started = datetime.datetime.fromisoformat(words["started"]).astimezone(datetime.UTC)
        details += f", since {started:%Y-%m-%d %H:%M} UTC"
    name = words.get("command") or "another process"
    return f"{name} ({details.lstrip(' ,')})" if details else name


def _printable(value: object) -> str:
    return "".join(c for c in str(value)[:200] if c.isprintable())


def _take(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | UNFOLLOWED, 0o666)
        try:
            if _is_taken(handle, path):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        time.sleep(random.uniform(0, 0.01))


def _is_taken(handle: int, path: Path) -> bool:
    """Whether the lock is ours now; if not, it may be free in a moment."""
    free = _lock(handle)
    if not _is_at(handle, path):  # its holder has just removed it, and another may be made
        return False
    if free is None and _is_alive(about := _read(handle)):
        raise BusyError(path, about)
    # A lock that can be shared is held only by those who look who holds it, for a moment.
    if free is False and not _lock(handle, shared=True):
        raise BusyError(path, _read(handle))
    return free is not False


def _is_at(handle: int, path: Path) -> bool:
    """Whether this is the file that has the name now."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(handle: int, *, shared: bool = False) -> bool | None:
    """Whether the lock was free, and is taken now; None where there are no locks."""
    try:
        import fcntl

        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except ImportError:
        return None
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in NO_LOCKS:
            return None
        raise
    return True


def _write(handle: int, about: Mapping[str, Any]) -> None:
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    whole = {"pid": os.getpid(), "host": socket.gethostname(), "started": started, **about}
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps(whole).encode())


def _read(handle: int) -> dict[str, Any]:
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        about = json.loads(os.read(handle, LONGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def _is_alive(about: Mapping[str, Any]) -> bool:
    """Whether a file names another process of this host that runs; unknown, so no, on Windows."""
    pid = about.get("pid")
    if about.get("host") != socket.gethostname() or type(pid) is not int or pid == os.getpid():
        return False
    if os.name == "nt" or pid <= 0:  # signal 0 would interrupt it on Windows; others, none or all
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _forget() -> None:
    """Close a forked child's copies, by which a lock would outlive the process that took it."""
    for handle in _held:
        os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
