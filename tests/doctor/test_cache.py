from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scorebench.doctor.cache import cache
from scorebench.doctor.finding import Finding


def found(monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, Finding]:
    monkeypatch.setenv("SCOREBENCH_CACHE", str(folder))
    return {finding.name: finding for finding in cache()}


def test_place_extent_and_free_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digests").mkdir()
    (tmp_path / "digests" / "ab").write_bytes(b"x" * 2048)
    told = found(monkeypatch, tmp_path)
    assert told["cache"].text == (
        f"{tmp_path} (SCOREBENCH_CACHE), files: 1, 2.0 KiB; it can be written"
    )
    assert told["cache"].facts == {"path": str(tmp_path), "files": 1, "bytes": 2048}
    assert told["disk"].facts["free"] > 0
    assert [path.name for path in tmp_path.rglob("*")] == ["digests", "ab"]


def test_one_that_is_yet_to_be_made_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = found(monkeypatch, tmp_path / "a" / "b")
    assert told["cache"].state == "ok"
    assert "files: 0, 0 bytes" in told["cache"].text
    assert list(tmp_path.iterdir()) == []


def test_without_the_variable_it_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOREBENCH_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (told, _) = cache()
    assert "(the user's cache folder)" in told.text


def test_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for folder in (tmp_path / "file", tmp_path / "file" / "cache", tmp_path / "link"):
        (told,) = found(monkeypatch, folder).values()
        assert told.state == "broken"
        assert "; it can't be written: N" in told.text  # "Not a directory", "No such file"


FULL = """
import os, sys
from pathlib import Path
from scorebench.doctor.cache import cache
disk = Path(os.environ["SCOREBENCH_CACHE"])
try:
    (disk / "all").write_bytes(bytes(1 << 20))
except OSError:
    pass
print(next(cache()).text)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=64k none "{tmp_path}"'
    namespace = ["unshare", "--mount", "--map-root-user"]
    if subprocess.run([*namespace, "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("disks can't be mounted here")
    shell = f'{mount} && SCOREBENCH_CACHE="{tmp_path}" exec "$@"'
    done = subprocess.run(
        [*namespace, "sh", "-c", shell, "sh", sys.executable, "-c", FULL],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.endswith("it can't be written: No space left on device\n")
