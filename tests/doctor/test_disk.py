from __future__ import annotations

from pathlib import Path

import pytest

from scorebench.doctor.disk import extent, readable


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (3 * 2**20, "3.0 MiB"),
        (139 * 2**30, "139.0 GiB"),
        (2**50, "1024.0 TiB"),
    ],
)
def test_amounts_as_people_write_them(amount: int, text: str) -> None:
    assert readable(amount) == text


def test_files_are_counted_through_links_but_not_folders(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    (blobs / "deep").mkdir(parents=True)
    snapshot.mkdir()
    (blobs / "one").write_bytes(b"x" * 10)
    (blobs / "deep" / "two").write_bytes(b"x" * 100)
    assert extent(blobs) == (2, 110)
    assert extent(blobs / "one") == (1, 10)
    assert extent(tmp_path / "nothing") == (0, 0)
    (snapshot / "weights").symlink_to(blobs / "one")
    (snapshot / "gone").symlink_to(blobs / "three")
    (snapshot / "around").symlink_to(tmp_path)
    assert extent(snapshot) == (1, 10)
