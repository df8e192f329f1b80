"""Figures as files, fit to be printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import vl_convert

from scorebench.atomic import write_atomically
from scorebench.errors import UserError

SUFFIXES = (".svg", ".png", ".pdf")
DOTS_PER_INCH = 300


def check_figure(path: Path) -> None:
    """Make sure that a figure can be saved under this name.

    Raises:
        UserError: it can't.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"--figure {path}: a figure is {', '.join(SUFFIXES)}, not {path.suffix!r}")


def save(chart: Any, path: Path) -> None:
    """Write a chart on white, in letters that can be read in a column of a page.

    Raises:
        UserError: the file can't be written.
    """
    styled = (
        chart.configure(background="white", font="sans-serif", padding=8)
        .configure_axis(labelFontSize=12, titleFontSize=13, titleFontWeight="normal", tickCount=6)
        .configure_legend(labelFontSize=12, titleFontSize=13, titleFontWeight="normal")
        .configure_view(stroke=None)
    )
    specification = styled.to_dict()
    match path.suffix.lower():
        case ".svg":
            content = vl_convert.vegalite_to_svg(specification).encode()
        case ".pdf":
            content = vl_convert.vegalite_to_pdf(specification)
        case _:
            content = vl_convert.vegalite_to_png(specification, ppi=DOTS_PER_INCH)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise UserError(f"--figure {path} can't be written: {error.strerror}") from None
