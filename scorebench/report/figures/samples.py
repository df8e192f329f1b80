"""Grids of samples side by side, drawn from the same noise."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from scorebench.errors import UserError
from scorebench.report import columns
from scorebench.report.figures import axes
from scorebench.report.figures.points import Points
from scorebench.report.numbers import count, rounded
from scorebench.report.picture_file import read_picture
from scorebench.report.ranking import Ranking
from scorebench.report.results import Results

SIDE = 170  # pixels of a grid
COLUMNS = 3
MOST = 12  # grids
LARGEST_SIDE = 1200  # pixels of a picture


@dataclass(frozen=True)
class Sample:
    """A grid of samples.

    Attributes:
        title: what drew them.
        note: what it measured.
        address: the picture, as a data address.
    """

    title: str
    note: str
    address: str


def samples(results: Results, ranking: Ranking, points: Points, metric: str) -> Any:
    """The best of each sampler (or of what else marks stand for), all by grids of one seed.

    Args:
        results: whose pictures they are.
        ranking: of all its rows.
        points: of the ranking.
        metric: to be told of each.

    Raises:
        UserError: there are no pictures.
    """
    found = list(_found(results, ranking, points, metric))
    if not found:
        raise UserError(f"--figure samples: {results.name} has no pictures of samples")
    panels = [_panel(sample) for sample in found[:MOST]]
    return alt.concat(*panels, columns=COLUMNS, spacing=12)


def _found(results: Results, ranking: Ranking, points: Points, metric: str) -> Iterator[Sample]:
    series = points.frame[points.parameter_field(axes.series(points))]
    best = series[~series.duplicated()]
    names = pd.Series(best.to_numpy(), ranking.configurations.index[best.index])
    rows = columns.numbers(results.table, ["seed", "nfe", metric]).reset_index(drop=True)
    paths = [results.cell_file("images", f, ".png") for f in results.table["fingerprint"]]
    pictured = np.array([path is not None for path in paths], dtype=bool)
    shown = rows[pictured & ranking.members.isin(names.index)]
    shown = shown[shown["seed"] == shown["seed"].mode().min()]  # the one of the most grids
    for label, name in names.items():
        for i in shown.index[ranking.members[shown.index] == label]:
            if address := _address(paths[i]):
                note = f"NFE {count(rows['nfe'][i])} · {metric} {rounded(rows[metric][i])}"
                yield Sample(name, note, address)


def _address(path: Path) -> str | None:
    """A picture as a data address; written again, so that it is nothing but a picture."""
    image = read_picture(path, LARGEST_SIDE)
    if image is None:
        return None
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _panel(sample: Sample) -> Any:
    title = alt.TitleParams(
        sample.title, subtitle=sample.note, anchor="start", fontSize=12, limit=SIDE
    )
    place = pd.DataFrame({"x": [0], "y": [0], "address": [sample.address]})
    return (
        alt.Chart(place, width=SIDE, height=SIDE, title=title)
        .mark_image(width=SIDE, height=SIDE)
        .encode(alt.X("x:Q", axis=None), alt.Y("y:Q", axis=None), url="address:N")
    )
