"""The watch sees what it is for; else nothing that the others find would mean anything."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scorebench.errors import UserError

from . import watch
from .watch import CANARY, DeedError, HangError, reading, watched


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, (CANARY,))


DEEDS: dict[str, Callable[[Path], object]] = {
    "writes": lambda folder: (folder / "new").write_text(""),
    "makes a folder": lambda folder: (folder / "new").mkdir(),
    "removes": lambda folder: (folder / "there").unlink(),
    "renames": lambda folder: (folder / "there").rename(folder / "new"),
    "links": lambda folder: (folder / "new").symlink_to(folder),
    "starts a program": lambda folder: subprocess.run([sys.executable, "-c", ""], check=False),
    "calls the shell": lambda folder: os.system("true"),
    "unpickles": lambda folder: pickle.loads(pickle.dumps(Bomb())),
    "evaluates": lambda folder: eval(f"'{CANARY}'"),
    "runs a file": lambda folder: exec(compile("", str(folder / "there"), "exec")),
    "looks up a host": lambda folder: socket.getaddrinfo("localhost", 80),
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_deeds_are_seen_and_kept_from_happening(
    deed: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / "there").write_text("")
    with pytest.raises(DeedError), watched(tmp_path / "elsewhere"):
        deed(tmp_path)
    assert os.listdir(tmp_path) == ["there"]


def test_a_deed_is_seen_though_its_error_is_swallowed(tmp_path: Path) -> None:
    def quiet() -> None:
        try:
            (tmp_path / "new").mkdir()
        except Exception:
            return

    with pytest.raises(AssertionError, match=r"os\.mkdir"):
        reading(quiet)


def test_what_may_be_written_and_read_is(tmp_path: Path) -> None:
    def write() -> str:
        (tmp_path / "new").write_text("x")
        return (tmp_path / "new").read_text()

    assert reading(write, tmp_path) == "x"


def test_a_hang_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SECONDS", 0.2)
    with pytest.raises(HangError):
        reading(lambda: time.sleep(60))


def test_too_much_memory_is_not_given() -> None:
    with pytest.raises(MemoryError):
        reading(lambda: bytearray(watch.MEMORY * 2))


@pytest.mark.parametrize("told", ["", " ", "a\n\nb"])
def test_users_are_told_something_in_every_line(told: str) -> None:
    def fail() -> None:
        raise UserError(told)

    with pytest.raises(AssertionError):
        reading(fail)


def test_other_errors_are_no_users_mistakes() -> None:
    with pytest.raises(ZeroDivisionError):
        reading(lambda: 1 / 0)
