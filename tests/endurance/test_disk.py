"""Disks that fill up or turn read-only while a sweep runs: one line, and all that is done stays."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from .sweep import PATIENCE, Sweep, content, ended, until

SCRIPT = 'mount -t tmpfs -o size=200k none "$0" && echo mounted && exec cat'


@dataclass(frozen=True)
class Disk:
    """A small file system that only processes ``within`` its namespace have.

    Attributes:
        path: where it is mounted there.
        seen: how others reach it.
        within: a command that runs others there.
    """

    path: Path
    seen: Path
    within: list[str]

    def do(self, *command: str) -> None:
        subprocess.run([*self.within, *command], check=True, timeout=PATIENCE)

    def fill(self) -> None:
        """Leave no space."""
        with (self.seen / "filler").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk; gone at the end, with the process that holds its namespace."""
    path = tmp_path / "disk"
    path.mkdir()
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("there is no unshare to make a small disk with")
    with subprocess.Popen(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", SCRIPT, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "mounted\n":
            pytest.skip("users may not mount a small disk here")
        enter = ["nsenter", f"--target={process.pid}", "--user", "--mount"]
        within = [*enter, "--preserve-credentials", f"--wd={tmp_path}"]
        yield Disk(path, Path(f"/proc/{process.pid}/root{path}"), within)
        process.kill()


def on(disk: Disk, new_sweep: Callable[..., Sweep], **options: Any) -> Sweep:
    """A sweep whose results are on the disk."""
    place = {"results": disk.path / "results", "seen": disk.seen / "results"}
    return new_sweep(cells=60, within=disk.within, **place, **options)


def ends_in_one_line(sweep: Sweep, process: subprocess.Popen[str], why: str) -> None:
    """Check that a run ends for want of a disk, and that what is finished is whole."""
    code, output, errors = ended(process)
    assert code == 2
    (line,) = errors.splitlines()
    assert re.fullmatch(
        f"error: {sweep.results}/[^.]+[.a-z]+ can't be written any more: {why}; finished cells "
        "are kept, and once it can be, the same command goes on from them",
        line,
    )
    sweep.all_end()
    assert 0 < len(sweep.cells()) < 60
    assert {content(path)["row"]["status"] for path in sweep.cells()} == {"ok"}
    assert len(sweep.cells()) == output.count(" ok ")


def goes_on(sweep: Sweep, expected: pd.DataFrame) -> None:
    """Check that the same command ends as if nothing had been."""
    before = {path: path.stat().st_mtime_ns for path in sweep.cells()}
    sweep.run()
    assert before.items() <= {path: path.stat().st_mtime_ns for path in sweep.cells()}.items()
    assert list(sweep.seen.rglob("*.part")) == []
    pd.testing.assert_frame_equal(sweep.table(), expected, check_exact=True)


@pytest.mark.slow
def test_a_full_disk_ends_a_sweep_in_one_line_and_with_space_it_goes_on(
    disk: Disk, new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    sweep = on(disk, new_sweep)
    ends_in_one_line(sweep, sweep.start(), "No space left on device")
    again = sweep.start()  # without any space, it says so once more
    assert ended(again)[0] == 2
    disk.do("mount", "-o", "remount,size=50m", "none", str(disk.path))
    goes_on(sweep, undisturbed(sweep))


@pytest.mark.slow
def test_a_disk_that_turns_read_only_ends_a_sweep_in_one_line_and_then_it_goes_on(
    disk: Disk, new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    sweep = on(disk, new_sweep, held_from=5)
    process = sweep.start()
    until(lambda: len(sweep.cells()) > 2)
    disk.do("mount", "--bind", str(sweep.results), str(sweep.results))
    disk.do("mount", "-o", "remount,bind,ro", str(sweep.results))
    sweep.release()
    ends_in_one_line(sweep, process, "Read-only file system")
    refused = sweep.start()
    code, _, errors = ended(refused)
    assert code == 2
    assert re.fullmatch(r"error: .* can't be written: Read-only file system; name .*\n", errors)
    disk.do("umount", str(sweep.results))
    disk.do("mount", "-o", "remount,size=50m", "none", str(disk.path))
    goes_on(sweep, undisturbed(sweep))


@pytest.mark.slow
def test_a_full_cache_costs_speed_only(
    disk: Disk, new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    cache = {"SCOREBENCH_CACHE": str(disk.path)}
    sweep = new_sweep(cells=4, within=disk.within, environment=cache)
    disk.fill()
    goes_on(sweep, undisturbed(sweep))
    assert [path.name for path in disk.seen.rglob("*") if path.is_file()] == ["filler"]


@pytest.mark.slow
def test_files_that_may_not_grow_end_a_sweep_in_one_line_and_then_it_goes_on(
    new_sweep: Callable[..., Sweep], undisturbed: Callable[[Sweep], pd.DataFrame]
) -> None:
    sweep = new_sweep(cells=60, held_from=5)
    process = sweep.start()
    until(lambda: len(sweep.cells()) > 2)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    sweep.release()
    ends_in_one_line(sweep, process, os.strerror(errno.EFBIG))
    goes_on(sweep, undisturbed(sweep))


@pytest.mark.slow
def test_without_any_space_for_what_is_temporary_a_sweep_says_so_in_one_line(
    new_sweep: Callable[..., Sweep],
) -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("there is no prlimit")
    sweep = new_sweep(cells=1, within=["prlimit", "--fsize=0"])
    code, _, errors = ended(sweep.start())
    assert code == 2
    assert re.fullmatch(r"error: workers can't be started: No usable temporary .*\n", errors)
    assert not sweep.results.exists()
