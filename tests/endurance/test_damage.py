"""Results that were truncated, emptied, edited, replaced or deleted: never a wrong table."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

import scorebench
from scorebench.cli import main
from scorebench.lock import LOCK
from scorebench.store import Store
from tests.conftest import make_small_suite

from .sweep import content, unclocked


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(0).randbytes(5000))


def another(path: Path) -> None:
    """It holds what some other file of the folder holds: of a cell, a wrong fingerprint."""
    others = sorted(other for other in path.parent.iterdir() if other.is_file() and other != path)
    path.write_bytes(others[0].read_bytes() if others else b"{}")


def edited(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b": ", b": [", 1).replace(b'"ok"', b"3"))


def deleted(path: Path) -> None:
    path.unlink()


def directory(path: Path) -> None:
    path.unlink()
    (path / "within").mkdir(parents=True)


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


DAMAGES = (truncated, emptied, garbage, another, edited, deleted, directory, loop)
FILES = (
    "cells/*.json",
    "environments/*.json",
    "plan.json",
    "suite.yaml",
    "table.parquet",
    "table.csv",
    "lock",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a suite and its results."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "suite.yaml").write_text(yaml.safe_dump(make_small_suite()))
    ran(folder)
    (folder / "results" / "lock").write_text('{"pid": 1}')  # as a killed run leaves it
    return folder


def ran(folder: Path) -> pd.DataFrame:
    return scorebench.run(
        folder / "suite.yaml", results=folder / "results", engine="inline", device="cpu"
    )


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command; any other way to end is a failure."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["scorebench", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
    code = end.value.code or 0
    assert isinstance(code, int)
    return code, *capsys.readouterr()


def are_of(table: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Check that a table has no rows but those expected, with their numbers."""
    rows = expected[expected["fingerprint"].isin(table["fingerprint"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, rows, check_exact=True, check_dtype=False)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", FILES)
def test_damaged_results_are_told_and_run_again(
    file: str,
    damage: Callable[[Path], None],
    whole: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = unclocked(scorebench.read_results(whole / "results"))
    shutil.copytree(whole, tmp_path / "x")
    folder, results = tmp_path / "x", tmp_path / "x" / "results"
    path = min(results.glob(file))
    damage(path)
    if file.startswith("environments"):  # they are written with a cell
        min(results.glob("cells/*.json")).unlink()

    planless = file == "plan.json"
    page = ["--html", str(tmp_path / "page.html")]
    for name, *options in (["status"], ["report"], ["report", *page]):
        code, output, errors = command(capsys, name, str(results), *options)
        assert code == (2 if planless else 0), errors
        assert bool(errors) == planless
        assert bool(output) != planless
    if planless:
        with pytest.raises(scorebench.UserError, match=r"no readable plan\.json"):
            scorebench.read_results(results)
    else:
        are_of(unclocked(scorebench.read_results(results)), expected)

    kept = {path: path.read_bytes() for path in results.glob("cells/*.json") if is_sound(path)}
    in_the_way = stands_in_the_way(path)
    if in_the_way:
        with pytest.raises(scorebench.UserError, match=f"^{results}.* {in_the_way}"):
            ran(folder)
        remove(path)
    ran(folder)
    for table in (scorebench.read_results(results), pd.read_parquet(results / "table.parquet")):
        pd.testing.assert_frame_equal(unclocked(table), expected, check_exact=True)
    assert {path: path.read_bytes() for path in kept} == kept
    for environment in results.glob("environments/*.json"):
        assert content(environment) == content(whole / environment.relative_to(folder))
    assert (results / "suite.yaml").read_bytes() == (folder / "suite.yaml").read_bytes()


def is_sound(cell: Path) -> bool:
    """Whether its file says itself that it is that cell's."""
    return bool(Store(cell.parent.parent).finished([cell.stem]))


def stands_in_the_way(path: Path) -> str:
    """What a run says that can't go on for a file's sake; empty where it can."""
    if path.name == "plan.json" and path.exists():
        return "no readable plan.json; delete it"
    if path.is_dir():
        return "Is a directory"
    if path.name == LOCK and path.is_symlink():
        return "Too many levels of symbolic links"
    return ""


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


@pytest.mark.parametrize("folder", ["", "cells", "environments", "images", "trajectories"])
def test_what_a_killed_run_left_half_written_is_removed(
    folder: str, whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole, tmp_path / "x")
    left = tmp_path / "x" / "results" / folder / ".name.json.abc.part"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"{")
    ran(tmp_path / "x")
    assert not left.exists()
