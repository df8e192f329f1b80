from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scorebench.report.picture_file import LARGEST_AREA, LARGEST_FILE, read_picture

SIDE = 64


def noise(side: int) -> Image.Image:
    shape = (side, side, 3)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_is_as_it_was(tmp_path: Path) -> None:
    noise(SIDE).save(tmp_path / "a.png")
    read = read_picture(tmp_path / "a.png", SIDE)
    assert np.array_equal(np.asarray(read), np.asarray(noise(SIDE)))


def test_a_large_one_is_made_smaller(tmp_path: Path) -> None:
    noise(SIDE).resize((300, 150)).save(tmp_path / "a.png")
    read = read_picture(tmp_path / "a.png", SIDE)
    assert read is not None
    assert read.size == (SIDE, SIDE // 2)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_all_kinds_of_png_are_read(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (8, 8)).save(tmp_path / "a.png")
    read = read_picture(tmp_path / "a.png", SIDE)
    assert read is not None
    assert (read.mode, read.size) == ("RGB", (8, 8))


def test_other_files_are_no_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert read_picture(path, SIDE) is None
    noise(8).save(path, "JPEG")
    assert read_picture(path, SIDE) is None
    path.write_bytes(b"")
    assert read_picture(path, SIDE) is None
    path.write_bytes(png(noise(8)) + bytes(LARGEST_FILE))
    assert read_picture(path, SIDE) is None
    path.unlink()
    path.mkdir()
    assert read_picture(path, SIDE) is None


def test_a_small_file_of_a_huge_picture_is_left_out(tmp_path: Path) -> None:
    for side in (int(LARGEST_AREA**0.5) + 1, 60_000):
        header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        content = png(Image.new("1", (1, 1)))
        start = content.index(b"IHDR")
        chunk = b"IHDR" + header
        bomb = content[:start] + chunk + struct.pack(">I", zlib.crc32(chunk))
        (tmp_path / "a.png").write_bytes(bomb + content[start + 21 :])
        assert read_picture(tmp_path / "a.png", SIDE) is None


@given(data=st.data())
def test_damage_never_raises(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(png(noise(6)))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    read = read_picture(path, SIDE)
    assert read is None or read.mode == "RGB"
