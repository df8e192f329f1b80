"""One process at a time: who holds a lock, who is told, and what outlives whom."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorebench.lock import BusyError, described, holder, locked

HOLD = """
import sys
from pathlib import Path
from scorebench.lock import locked
with locked(Path(sys.argv[1]), {"command": "scorebench run"}):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock, until it's killed or its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_lock_tells_who_holds_it_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    assert holder(path) is None
    with locked(path, {"command": "scorebench run"}):
        about = holder(path)
        assert about is not None
        assert about.keys() == {"pid", "host", "started", "command"}
        assert (about["pid"], about["host"]) == (os.getpid(), socket.gethostname())
    assert holder(path) is None
    assert list(path.parent.iterdir()) == []


def test_a_second_process_is_told_in_one_line_until_the_first_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held_elsewhere(path) as process:
        with pytest.raises(BusyError) as caught, locked(path, {}):
            pass
        about = holder(path)
        assert about is not None
        assert about["pid"] == process.pid
        started = about["started"]
        assert str(caught.value) == (
            f"{tmp_path} is in use by scorebench run (process {process.pid} on "
            f"{socket.gethostname()}, since {started[:10]} {started[11:16]} UTC); wait for it, or "
            "name another directory with --results"
        )
        process.communicate()
        with locked(path, {}):
            pass


def test_the_lock_of_a_killed_process_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held_elsewhere(path) as process:
        process.kill()
    assert json.loads(path.read_text())["pid"] == process.pid
    assert holder(path) is None
    with locked(path, {}):
        about = holder(path)
    assert about is not None
    assert about["pid"] == os.getpid()


def test_the_same_process_does_not_hold_a_lock_twice(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", {}):
        with pytest.raises(BusyError), locked(tmp_path / "lock", {}):
            pass
        assert holder(tmp_path / "lock") is not None


OUTLIVE = """
import os, signal, subprocess, sys
from pathlib import Path
from scorebench.lock import locked
with locked(Path(sys.argv[1]), {}):
    child = os.fork()
    if not child:
        signal.pause()
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    print(child, other.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_children_do_not_keep_the_lock_of_a_killed_parent(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", OUTLIVE, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline().split()[0])
        process.wait(30)
        try:
            os.kill(child, 0)
            assert holder(path) is None
            with locked(path, {}):
                pass
        finally:
            os.kill(child, 9)


def test_those_who_look_do_not_keep_anybody_out(tmp_path: Path) -> None:
    path, ended = tmp_path / "lock", threading.Event()

    def look() -> None:
        while not ended.is_set():
            holder(path)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(100):
            with locked(path, {}):
                pass
    finally:
        ended.set()
        for looker in lookers:
            looker.join()


COUNT = """
import sys
from pathlib import Path
from scorebench.lock import BusyError, locked
lock, count = Path(sys.argv[1]), Path(sys.argv[2])
done = 0
while done < 100:
    try:
        with locked(lock, {}):
            count.write_text(str(int(count.read_text()) + 1))
            done += 1
    except BusyError:
        pass
"""


def test_several_processes_never_hold_it_at_once(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    command = [sys.executable, "-c", COUNT, str(tmp_path / "lock"), str(count)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert count.read_text() == "300"
    assert not (tmp_path / "lock").exists()


def test_a_lock_removed_meanwhile_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, {}):
        path.unlink()
        with held_elsewhere(path):
            about = holder(path)
            assert about is not None
            assert about["pid"] != os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_a_relative_lock_is_removed_from_where_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with locked(Path("lock"), {}):
        os.chdir("elsewhere")
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"{", b"[1]", b"null", b"[" * 100_000, b'{"pid": 1']
)
def test_a_holder_that_writes_anything_is_told_as_another_process(
    text: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "lock"
    with locked(path, {}):
        path.write_bytes(text)
        assert holder(path) == {}
        with pytest.raises(BusyError, match="is in use by another process; wait"), locked(path, {}):
            pass


anything = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())
keys = st.sampled_from(["pid", "host", "started", "command", "other"])


@given(st.dictionaries(keys, anything))
def test_whatever_a_holder_wrote_is_told_in_one_printable_line(about: dict[str, Any]) -> None:
    line = described(about)
    assert line.isprintable()
    assert line


def test_a_holder_is_told_in_the_time_of_utc() -> None:
    about = {"started": "2026-11-30T13:00:00+01:00", "command": "a\x1b[31m\nb"}
    assert described(about) == "a[31mb (since 2026-11-30 12:00 UTC)"
    assert described({"pid": 7, "started": "today"}) == "another process (process 7)"


def no_locks(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "no fcntl":
        monkeypatch.setitem(sys.modules, "fcntl", None)
        return

    def refuse(*_: object) -> None:
        raise OSError(getattr(errno, kind), kind)

    monkeypatch.setattr("fcntl.flock", refuse)


@pytest.mark.parametrize("kind", ["no fcntl", "ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def test_where_there_are_no_locks_a_live_process_named_by_the_file_is_the_holder(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    no_locks(kind, monkeypatch)
    with held_elsewhere(path) as process:
        about = holder(path)
        assert about is not None
        assert about["pid"] == process.pid
        with pytest.raises(BusyError, match=f"process {process.pid} on"), locked(path, {}):
            pass
        process.kill()
        process.wait(30)
        assert holder(path) is None
        with locked(path, {}):
            assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not path.exists()


@pytest.mark.parametrize(
    "about",
    [
        {"pid": os.getppid(), "host": "elsewhere"},
        {"pid": os.getpid(), "host": socket.gethostname()},
        {"pid": -1, "host": socket.gethostname()},
        {"pid": 0, "host": socket.gethostname()},
        {"pid": True, "host": socket.gethostname()},
        {"pid": 10**30, "host": socket.gethostname()},
        {"pid": "1", "host": socket.gethostname()},
    ],
)
def test_where_there_are_no_locks_nothing_else_that_a_file_names_blocks(
    about: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps(about))
    no_locks("ENOLCK", monkeypatch)
    assert holder(path) is None
    with locked(path, {}):
        pass


def test_other_errors_of_locks_and_files_are_not_taken_for_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(IsADirectoryError), locked(tmp_path, {}):
        pass
    no_locks("EIO", monkeypatch)
    with pytest.raises(OSError, match="EIO"), locked(tmp_path / "lock", {}):
        pass


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("as it was")
    (tmp_path / "lock").symlink_to(precious)
    assert holder(tmp_path / "lock") is None
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "lock", {}):
        pass
    assert precious.read_text() == "as it was"


def test_a_pipe_in_place_of_the_lock_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")
    assert holder(tmp_path / "lock") is None
    with pytest.raises(OSError, match="Invalid argument"), locked(tmp_path / "lock", {}):
        pass
