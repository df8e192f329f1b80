from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scorebench.errors import UserError
from scorebench.report.figures.points import points
from scorebench.report.figures.samples import MOST, samples
from scorebench.report.figures.saving import save
from scorebench.report.ranking import Ranking
from scorebench.report.results import Results

Make = Callable[..., tuple[Results, Ranking]]


def png(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


def chart(made: tuple[Results, Ranking], pictures: dict[int, bytes], metric: str = "fid") -> Any:
    """The figure, after these pictures were put beside the rows of these numbers."""
    results, ranking = made
    assert results.folder is not None
    for row, content in pictures.items():
        path = results.folder / "images" / f"{row:032x}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return samples(results, ranking, points([ranking]), metric)


def titles(chart: Any) -> list[tuple[str, str]]:
    panels = chart.to_dict()["concat"]
    return [(panel["title"]["text"], panel["title"]["subtitle"]) for panel in panels]


def test_the_best_of_each_sampler_the_best_first(ranked: Make) -> None:
    made = ranked(
        {"sampler": "a", "sampler.n": 1, "fid": 3.0},
        {"sampler": "a", "sampler.n": 2, "fid": 2.0},
        {"sampler": "b", "fid": 1.25, "nfe": 1234},
    )
    found = titles(chart(made, dict.fromkeys(range(3), png())))
    assert found == [("b", "NFE 1,234 · fid 1.250"), ("a", "NFE 10 · fid 2.000")]


def test_all_are_of_the_seed_that_most_have(ranked: Make) -> None:
    made = ranked(
        *(
            {"sampler": name, "repeat": seed, "fid": 10.0 * i + seed}
            for i, name in enumerate("abc")
            for seed in (0, 1, 2)
        )
    )
    found = titles(chart(made, {0: png(), 1: png(), 4: png(), 7: png(), 8: png()}))
    assert found == [
        (s, f"NFE 10 · fid {f}") for s, f in zip("abc", ("1.000", "11.00", "21.00"), strict=True)
    ]


def test_a_row_without_value_is_shown_with_what_is_known(ranked: Make) -> None:
    made = ranked({"fid": None, "recall": 0.5})
    assert titles(chart(made, {0: png()})) == [("heun", "NFE 10 · fid –")]
    assert titles(chart(ranked({"recall": math.inf}), {0: png()}, "recall"))


def test_no_more_than_fit(ranked: Make) -> None:
    made = ranked(*({"sampler": f"s{i}", "fid": float(i)} for i in range(MOST + 2)))
    assert len(titles(chart(made, dict.fromkeys(range(MOST + 2), png())))) == MOST


def test_without_pictures_there_is_no_figure(ranked: Make) -> None:
    with pytest.raises(UserError, match="results has no pictures of samples"):
        chart(ranked({"fid": 1.0}), {})


def test_fingerprints_never_lead_out_of_the_directory(ranked: Make, tmp_path: Path) -> None:
    results, ranking = ranked({"fid": 1.0})
    (tmp_path / "secret.png").write_bytes(png())
    results.table["fingerprint"] = "../../secret"
    with pytest.raises(UserError, match="no pictures"):
        chart((results, ranking), {})


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_pictures_are_drawn_in_every_kind_of_file(
    ranked: Make, tmp_path: Path, suffix: str
) -> None:
    figure = chart(ranked({"fid": 1.0}), {0: png()})
    save(figure, tmp_path / f"figure.{suffix}")
    content = (tmp_path / f"figure.{suffix}").read_bytes()
    if suffix == "svg":
        assert b"data:image/png;base64," in content
    elif suffix == "pdf":
        assert b"/Image" in content
    else:
        with Image.open(io.BytesIO(content)) as image:
            middle = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
        assert middle == (255, 0, 0)


@pytest.mark.parametrize("content", [b"", b"no picture", png()[:40]])
def test_what_is_no_picture_is_not_shown(ranked: Make, content: bytes) -> None:
    made = ranked({"sampler": "a", "fid": 1.0}, {"sampler": "b", "fid": 2.0})
    assert titles(chart(made, {0: content, 1: png()})) == [("b", "NFE 10 · fid 2.000")]
    with pytest.raises(UserError, match="no pictures"):
        chart(made, {0: content, 1: content})


def test_nothing_but_the_picture_is_shown(ranked: Make) -> None:
    figure = chart(ranked({"fid": 1.0}), {0: png() + b"and more"}).to_dict()
    ((row,),) = figure["datasets"].values()
    address = row["address"].removeprefix("data:image/png;base64,")
    assert base64.b64decode(address) == png()


def test_links_never_lead_out_of_the_directory(ranked: Make, tmp_path: Path) -> None:
    results, ranking = ranked({"fid": 1.0})
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / f"{0:032x}.png").write_bytes(png())
    assert results.folder is not None
    (results.folder / "images").symlink_to(tmp_path / "secret")
    with pytest.raises(UserError, match="no pictures"):
        chart((results, ranking), {})
