from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest
from PIL import Image

from scorebench.errors import UserError
from scorebench.report.figures.saving import check_figure, save


@pytest.fixture
def chart() -> Any:
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 1.0]})
    return alt.Chart(frame, width=300, height=200).mark_point().encode(alt.X("x:Q"), alt.Y("y:Q"))


def test_a_png_has_300_dots_per_inch(chart: Any, tmp_path: Path) -> None:
    save(chart, tmp_path / "figure.png")
    with Image.open(io.BytesIO((tmp_path / "figure.png").read_bytes())) as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        # 300 units of 1/72 inch, and room for the axis.
        assert 1 < image.width / (300 / 72 * 300) < 1.3
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_a_pdf_and_an_svg_are_such(chart: Any, tmp_path: Path) -> None:
    save(chart, tmp_path / "figure.PDF")
    save(chart, tmp_path / "figure.svg")
    assert (tmp_path / "figure.PDF").read_bytes().startswith(b"%PDF-")
    assert (tmp_path / "figure.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("name", ["a.svg", "a.PNG", "a.b.pdf"])
def test_known_suffixes_are_fine(name: str) -> None:
    check_figure(Path(name))


@pytest.mark.parametrize("name", ["a", "a.jpg", ".svg"])
def test_others_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"a figure is \.svg, \.png, \.pdf, not"):
        check_figure(Path(name))


def test_a_file_that_cannot_be_written_is_said(chart: Any, tmp_path: Path) -> None:
    (tmp_path / "figure.svg").mkdir()
    with pytest.raises(UserError, match=r"--figure .*figure\.svg can't be written: Is a directory"):
        save(chart, tmp_path / "figure.svg")
