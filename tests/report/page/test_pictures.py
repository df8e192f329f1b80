from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scorebench.report.page.pictures import (
    BUDGET,
    LARGEST_AREA,
    LARGEST_FILE,
    LARGEST_SIDE,
    SMALL,
    picture,
    pictures,
)
from scorebench.report.results import Results, read

Write = Callable[..., Path]
START = "data:image/webp;base64,"


def noise(side: int, seed: int = 0) -> Image.Image:
    shape = (side, side, 3)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def decoded(address: str | None) -> Image.Image:
    assert address is not None
    assert address.startswith(START)
    return Image.open(io.BytesIO(base64.b64decode(address.removeprefix(START)))).convert("RGB")


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_small_picture_loses_nothing(tmp_path: Path) -> None:
    image = noise(40)
    image.save(tmp_path / "a.png")
    assert np.array_equal(np.asarray(decoded(picture(tmp_path / "a.png"))), np.asarray(image))


def test_a_large_one_loses_size_and_detail(tmp_path: Path) -> None:
    noise(1000).resize((1000, 500)).save(tmp_path / "a.png")
    address = picture(tmp_path / "a.png")
    assert decoded(address).size == (LARGEST_SIDE, LARGEST_SIDE // 2)
    assert len(address or "") < (tmp_path / "a.png").stat().st_size / 2


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_all_kinds_of_png_are_read(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (8, 8)).save(tmp_path / "a.png")
    assert decoded(picture(tmp_path / "a.png")).size == (8, 8)


def test_other_files_are_no_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert picture(None) is None
    assert picture(path) is None
    noise(8).save(path, "JPEG")
    assert picture(path) is None
    path.write_bytes(b"")
    assert picture(path) is None
    path.write_bytes(png(noise(8)) + bytes(LARGEST_FILE))
    assert picture(path) is None
    path.unlink()
    path.mkdir()
    assert picture(path) is None


def test_a_small_file_of_a_huge_picture_is_left_out(tmp_path: Path) -> None:
    for side in (int(LARGEST_AREA**0.5) + 1, 60_000):
        header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        content = png(Image.new("1", (1, 1)))
        start = content.index(b"IHDR")
        chunk = b"IHDR" + header
        bomb = content[:start] + chunk + struct.pack(">I", zlib.crc32(chunk))
        (tmp_path / "a.png").write_bytes(bomb + content[start + 21 :])
        assert picture(tmp_path / "a.png") is None


@given(data=st.data())
def test_damage_never_raises(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(png(noise(6)))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    address = picture(path)
    assert address is None or decoded(address).size


def results_with(write_results: Write, number: int, side: int) -> Results:
    folder = write_results(*({"sampler.n": i, "fid": 1.0} for i in range(number)))
    for kind in ("images", "trajectories"):
        (folder / kind).mkdir()
        for i in range(number):
            noise(side, i).save(folder / kind / f"{i:032x}.png")
    (results,) = read([folder])
    return results


def test_pictures_are_by_fingerprint_and_kind(write_results: Write) -> None:
    results = results_with(write_results, 2, 8)
    fingerprints = [f"{i:032x}" for i in range(2)]
    (results.cell_file("trajectories", fingerprints[1], ".png") or Path()).unlink()
    found = pictures([(results, f) for f in (*fingerprints, "f" * 32)])
    assert {f: set(kinds) for f, kinds in found.items()} == {
        fingerprints[0]: {"images", "trajectories"},
        fingerprints[1]: {"images"},
    }


def test_the_first_are_kept_as_far_as_there_is_room(write_results: Write) -> None:
    results = results_with(write_results, 24, 400)
    wanted = [f"{i:032x}" for i in reversed(range(24))]
    found = pictures((results, f) for f in wanted)
    size = sum(len(address) for kinds in found.values() for address in kinds.values())
    assert size <= BUDGET
    assert size + 2 * max(len(a) for kinds in found.values() for a in kinds.values()) > BUDGET
    assert list(found) == wanted[: len(found)]
    assert len(found) < 24
    assert all(len(kinds["images"]) > SMALL for kinds in found.values())


@pytest.mark.parametrize("fingerprint", ["../../secret", "/etc/passwd", "", "AB", "a\n", "é"])
def test_fingerprints_never_lead_out_of_the_directory(
    write_results: Write, tmp_path: Path, fingerprint: str
) -> None:
    (results,) = read([write_results({"fid": 1.0})])
    noise(8).save(tmp_path / "secret.png")
    assert pictures([(results, fingerprint)]) == {}


def test_a_cell_of_several_results_is_pictured_once(write_results: Write) -> None:
    results = results_with(write_results, 1, 8)
    fingerprint = f"{0:032x}"
    other = replace(results, folder=Path("nowhere"))
    found = pictures([(other, fingerprint), (results, fingerprint), (other, fingerprint)])
    assert found == pictures([(results, fingerprint)])
    assert len(found) == 1
