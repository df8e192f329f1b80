from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch

from scorebench import UserError
from scorebench.running import environment


def test_it_is_json_and_names_versions_and_device(tmp_path: Path) -> None:
    found = environment.environment(torch.device("cpu"), tmp_path)
    assert json.loads(json.dumps(found)) == found
    assert found["packages"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert found["device"].startswith("cpu")


def test_the_revision_is_that_of_the_folder(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True, timeout=30)

    cpu = torch.device("cpu")
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "start")
    clean = environment.environment(cpu, tmp_path)["git"]
    (tmp_path / "file").write_text("new")
    dirty = environment.environment(cpu, tmp_path)["git"]
    assert len(clean["revision"]) == 40
    assert (clean["dirty"], dirty["dirty"]) == (False, True)


def test_a_folder_without_git_has_no_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment.environment(torch.device("cpu"), tmp_path)["git"] is None


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "xla", ""])
def test_a_device_that_is_not_here_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"device '{name}' is not available here"):
        environment.choose_device(name)


def test_auto_finds_a_device_that_works() -> None:
    assert torch.ones(2, device=environment.choose_device("auto")).sum() == 2


def test_peak_memory_is_at_least_that_of_a_large_array() -> None:
    array = torch.ones(30_000_000)
    assert environment.peak_memory_mb(torch.device("cpu")) > array.nbytes / 2**20
