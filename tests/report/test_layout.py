from __future__ import annotations

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, Group

from scorebench.report.layout import Column, Grid, Paragraph

NAN = math.nan


def test_the_lowest_loss_is_the_best() -> None:
    column = Column("recall", ["0.5", "0.9", "0.7", "0.1"], losses=[-0.5, -0.9, -0.7, -0.1])
    assert column.honours() == ["", "best", "second", ""]


def test_values_that_read_the_same_share_their_place() -> None:
    cells = [" 3.46 ± 0.07", "3.460 ± 0.010", "1,797 ", "3.5 ± 1.0", "1797"]
    column = Column("fid", cells, losses=[3.462, 3.4601, 1797.2, 3.5, 1796.8])
    assert column.honours() == ["best", "best", "", "second", ""]


def test_what_is_not_finite_has_no_place() -> None:
    column = Column("fid", ["failed", "inf", "2", "-inf"], losses=[NAN, math.inf, 2.0, -math.inf])
    assert column.honours() == ["", "", "best", ""]
    assert Column("fid", ["failed", "–"], losses=[NAN, NAN]).honours() == ["", ""]
    assert Column("fid", [], losses=[]).honours() == []


def test_without_losses_nothing_is_best() -> None:
    assert Column("sampler", ["heun", "euler"]).honours() == ["", ""]


@given(st.lists(st.integers(-3, 3) | st.just(NAN)))
def test_places_agree_with_their_definition(losses: list[float]) -> None:
    column = Column("x", [str(loss) for loss in losses], losses=losses)
    for loss, honour in zip(losses, column.honours(), strict=True):
        lower = len({other for other in losses if other < loss})
        assert honour == ("" if math.isnan(loss) else {0: "best", 1: "second"}.get(lower, ""))


@given(
    st.lists(st.tuples(*[st.text("ab ±采🙂", max_size=40)] * 4), min_size=1),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.integers(40, 120),
)
def test_columns_stand_below_their_headers(
    rows: list[tuple[str, ...]], strong: list[bool], width: int
) -> None:
    columns = [
        Column(f"name_{i}", cells, right=i % 2 == 0, strong=strong[i])
        for i, cells in enumerate(zip(*rows, strict=True))
    ]
    file = io.StringIO()
    Console(file=file, width=width).print(Grid(columns, len(rows)))
    lines = file.getvalue().splitlines()
    assert len({cell_len(line) for line in lines}) == 1
    assert cell_len(lines[0]) <= width
    shown = sorted("".join(lines).replace(" ", ""))
    header = "".join(lines[: next(i for i, line in enumerate(lines) if line.startswith("─")) + 1])
    texts = "".join(cell for row in rows for cell in row)
    assert shown == sorted((header + texts).replace(" ", ""))


@pytest.mark.parametrize("width", [1, 2, 5, 20])
def test_the_narrowest_terminal_loses_no_letter(width: int) -> None:
    columns = [Column("name", ["annealed 采样"], right=False), Column("fid", ["1.5 ± 0.1"])]
    paragraph = Paragraph("a sentence of some length, 采样", indent=4)
    file = io.StringIO()
    Console(file=file, width=width).print(Group(paragraph, Grid(columns, 1)), crop=False)
    told = f"{paragraph.text} name fid annealed 采样 1.5 ± 0.1".replace(" ", "")
    shown = file.getvalue().replace("─", "")
    assert sorted("".join(shown.split())) == sorted(told)
