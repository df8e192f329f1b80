from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scorebench.report.page.pictures import BUDGET, LARGEST_SIDE, SMALL, picture, pictures
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


def test_a_small_picture_loses_nothing(tmp_path: Path) -> None:
    image = noise(40)
    image.save(tmp_path / "a.png")
    assert np.array_equal(np.asarray(decoded(picture(tmp_path / "a.png"))), np.asarray(image))


def test_a_large_one_loses_size_and_detail(tmp_path: Path) -> None:
    noise(1000).resize((1000, 500)).save(tmp_path / "a.png")
    address = picture(tmp_path / "a.png")
    assert decoded(address).size == (LARGEST_SIDE, LARGEST_SIDE // 2)
    assert len(address or "") < (tmp_path / "a.png").stat().st_size / 2


def test_other_files_are_no_pictures(tmp_path: Path) -> None:
    assert picture(None) is None
    assert picture(tmp_path / "missing.png") is None


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
    path = results.cell_file("trajectories", fingerprints[1], ".png")
    assert path is not None
    path.unlink()
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


def test_links_never_lead_out_of_the_directory(write_results: Write, tmp_path: Path) -> None:
    results = results_with(write_results, 1, 8)
    path = results.cell_file("images", f"{0:032x}", ".png")
    assert path is not None
    path.rename(tmp_path / "secret.png")
    path.symlink_to(tmp_path / "secret.png")
    (found,) = pictures([(results, f"{0:032x}")]).values()
    assert set(found) == {"trajectories"}
