from __future__ import annotations

import os
from pathlib import Path

import pytest

from scorebench.engine.arguments import arguments, started_in


def test_a_suite_alone_is_one_word() -> None:
    assert arguments(Path("suites/a.yaml")) == ["suites/a.yaml"]
    assert arguments("b c.yaml") == ["b c.yaml"]


def test_what_decides_the_cells_is_given_as_the_user_gave_it() -> None:
    assert arguments(
        "a.yaml",
        settings=["samples=5", "sweep[0].schedule.n=[3, 5]"],
        plugins=[Path("mine.py"), Path("../theirs")],
        device="cuda:1",
    ) == [
        *("a.yaml", "--set", "samples=5", "--set", "sweep[0].schedule.n=[3, 5]"),
        *("--plugins", "mine.py", "--plugins", "../theirs", "--device", "cuda:1"),
    ]


@pytest.mark.parametrize(
    ("here", "results", "seen"),
    [
        ("work", "results/small", "../.."),
        ("work", "../elsewhere", "../work"),
        ("work/sub", "../out", "../sub"),
        ("work", ".", "."),
    ],
)
def test_where_a_run_was_started_is_told_from_its_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, results: str, seen: str
) -> None:
    (tmp_path / here).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / here)
    assert started_in(Path(results)) == seen
    assert started_in(Path(results).absolute()) == seen


def test_links_on_the_way_to_the_results_do_not_lead_astray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("work", "disk/far/away"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "work" / "results").symlink_to(tmp_path / "disk" / "far" / "away")
    monkeypatch.chdir(tmp_path / "work")
    results = Path("results/small")
    results.mkdir()
    assert os.path.samefile(results / started_in(results), tmp_path / "work")


def test_on_another_drive_the_folder_is_told_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os.path, "relpath", refuse)  # as Windows does
    assert started_in(Path("results")) == tmp_path.resolve().as_posix()
