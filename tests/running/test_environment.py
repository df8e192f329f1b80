from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from scorebench import UserError
from scorebench.running import environment

GIT = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "init.defaultBranch=m"]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run git in a folder of its own, which is a repository without a commit."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    def run(*arguments: str) -> str:
        return subprocess.run(
            [*GIT, "-C", tmp_path, *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        ).stdout.strip()

    run("init", "-q")
    return run


def test_it_is_json_and_names_versions_machine_and_device() -> None:
    found = environment.environment(torch.device("cpu"))
    assert json.loads(json.dumps(found)) == found
    assert found["packages"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert found["device"].startswith("cpu")
    assert found["cpu"]
    assert found["cuda"] is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_of_a_gpu_it_names_versions_and_memory() -> None:
    found = environment.environment(torch.device("cuda"))
    assert json.loads(json.dumps(found)) == found
    assert found["device"].startswith("cuda (")
    assert found["cuda"]["version"] == torch.version.cuda
    assert found["cuda"]["cudnn"] > 0
    assert found["cuda"]["memory_mb"] > 100


def test_the_revision_is_that_of_the_folder(git: Callable[..., str], tmp_path: Path) -> None:
    git("commit", "-q", "--allow-empty", "-m", "start")
    commit = git("rev-parse", "HEAD")
    assert environment.revision(tmp_path) == {"revision": commit, "dirty": False}
    (tmp_path / "file").write_text("new")
    assert environment.revision(tmp_path) == {"revision": commit, "dirty": True}


def test_a_subfolder_is_as_dirty_as_its_repository(git: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "suite.yaml").write_text("")
    (tmp_path / ".gitignore").write_text("results\n")
    git("add", ".")
    git("commit", "-q", "-m", "start")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "table").write_text("ignored")
    clean = {"revision": git("rev-parse", "HEAD"), "dirty": False}
    for folder in ("suites", "results", "."):
        assert environment.revision(tmp_path / folder) == clean
    (tmp_path / ".gitignore").write_text("results\nother\n")
    assert environment.revision(tmp_path / "suites") == {**clean, "dirty": True}


def test_untracked_files_count_whatever_the_users_settings(
    git: Callable[..., str], tmp_path: Path
) -> None:
    git("commit", "-q", "--allow-empty", "-m", "start")
    git("config", "status.showUntrackedFiles", "no")
    git("config", "core.quotePath", "false")
    (tmp_path / "σ\n").write_text("")
    assert (environment.revision(tmp_path) or {})["dirty"]


def test_heads_on_no_branch_and_branches_without_a_commit(
    git: Callable[..., str], tmp_path: Path
) -> None:
    assert environment.revision(tmp_path) == {"revision": None, "dirty": False}
    (tmp_path / "file").write_text("")
    assert environment.revision(tmp_path) == {"revision": None, "dirty": True}
    git("add", "file")
    for message in ("one", "two"):
        git("commit", "-q", "--allow-empty", "-m", message)
    first = git("rev-parse", "HEAD~1")
    git("checkout", "-q", "--detach", first)
    assert environment.revision(tmp_path) == {"revision": first, "dirty": False}


def test_another_repository_that_a_hook_runs_for_does_not_count(
    git: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("commit", "-q", "--allow-empty", "-m", "start")
    expected = environment.revision(tmp_path)
    other = tmp_path.parent / f"{tmp_path.name}_other"
    subprocess.run([*GIT, "init", "-q", other], check=True, timeout=30)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert environment.revision(tmp_path) == expected


def test_without_a_repository_or_git_there_is_no_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment.revision(tmp_path) is None
    assert environment.revision(tmp_path / "nowhere") is None
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    assert environment.revision(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.revision(Path.cwd()) is None


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "xla", ""])
def test_a_device_that_is_not_here_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"device '{name}' is not available here"):
        environment.choose_device(name)


def test_auto_finds_a_device_that_works() -> None:
    assert torch.ones(2, device=environment.choose_device("auto")).sum() == 2


def test_peak_memory_is_at_least_that_of_a_large_array() -> None:
    array = torch.ones(30_000_000)
    assert environment.peak_memory_mb(torch.device("cpu")) > array.nbytes / 2**20
