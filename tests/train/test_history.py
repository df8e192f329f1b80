"""Losses by step and by noise level, against a slow table."""

from __future__ import annotations

import io

import pandas as pd
import pytest
import torch

from scorebench import DivergenceError
from scorebench.train.history import COLUMNS, MOST_ROWS, WINDOWS, History
from scorebench.train.noise_levels import Listed

LEVELS = Listed(torch.tensor([4.0, 1.0, 0.25]))


def batches(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randint(3, (count, 8), generator=generator)
    losses = torch.rand(count, 8, generator=generator)
    return list(zip(losses, LEVELS.sigmas[chosen], strict=True))


def slow(found: list[tuple[torch.Tensor, torch.Tensor]]) -> pd.DataFrame:
    """Row by row; bins are levels here."""
    rows = []
    for step, (losses, sigma) in enumerate(found, 1):
        for level in (0.25, 1.0, 4.0):
            own = losses[sigma == level]
            if len(own):
                rows.append((step, level, float(own.double().mean()), len(own)))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


@pytest.mark.parametrize("fetch_every", [1, 7, 1000])
def test_a_row_for_every_step_and_level(fetch_every: int) -> None:
    steps = WINDOWS + 10  # so that the device's windows run full once
    found = batches(steps)
    history = History(LEVELS.bins(), steps, None, 0)
    for step, (losses, sigma) in enumerate(found, 1):
        history.add(losses, sigma)
        if step % fetch_every == 0:
            history.fetch()
    history.fetch()
    pd.testing.assert_frame_equal(history.table(), slow(found), check_exact=False, rtol=1e-6)
    read = pd.read_parquet(io.BytesIO(history.parquet()))
    pd.testing.assert_frame_equal(read, history.table())


def test_fetching_tells_the_mean_loss_since_the_last_time() -> None:
    history = History(LEVELS.bins(), 10, None, 0)
    for value in (1.0, 3.0):
        history.add(torch.full((8,), value), LEVELS.sigmas[[0, 0, 0, 0, 0, 1, 1, 2]])
    assert history.fetch() == 2
    history.add(torch.full((8,), 5.0), LEVELS.sigmas[[0] * 8])
    assert history.fetch() == 5


def test_going_on_drops_what_is_done_again() -> None:
    found = batches(12)
    first = History(LEVELS.bins(), 12, None, 0)
    for losses, sigma in found[:9]:
        first.add(losses, sigma)
    first.fetch()
    second = History(LEVELS.bins(), 12, first.table(), 5)
    for losses, sigma in found[5:]:
        second.add(losses, sigma)
    second.fetch()
    pd.testing.assert_frame_equal(second.table(), slow(found), check_exact=False, rtol=1e-6)


def test_a_long_training_has_a_bounded_table() -> None:
    steps = 2 * MOST_ROWS + 1  # three steps a window
    history = History(LEVELS.bins(), steps, None, 0)
    for value in range(7):
        history.add(torch.full((4,), float(value)), LEVELS.sigmas[[1] * 4])
    history.fetch()
    table = history.table()
    assert table["step"].tolist() == [3, 6, 7]
    assert table["loss"].tolist() == [1, 4, 6]
    assert table["samples"].tolist() == [12, 12, 4]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_named_by_its_step(value: float) -> None:
    history = History(LEVELS.bins(), 5, None, 0)
    for loss in (1.0, 2.0, value, 4.0):
        history.add(torch.tensor([1.0, loss]), LEVELS.sigmas[[0, 1]])
    with pytest.raises(DivergenceError, match="the loss is not finite at step 3"):
        history.fetch()
    assert history.table().empty


def test_an_empty_table_has_the_columns() -> None:
    table = History(LEVELS.bins(), 5, None, 0).table()
    assert table.dtypes.astype(str).to_dict() == dict(COLUMNS)
