"""The noise levels of training: their distribution, and bins that cover them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scorebench.train.noise_levels import MOST_BINS, Listed, LogNormal

CPU = torch.device("cpu")


def test_each_level_is_as_likely() -> None:
    torch.manual_seed(0)
    sigmas = torch.tensor([8.0, 4.0, 2.0, 1.0])
    drawn = Listed(sigmas).draw(40_000)
    counts = [int((drawn == sigma).sum()) for sigma in sigmas]
    assert sum(counts) == 40_000
    assert stats.chisquare(counts).pvalue > 1e-3


@given(st.integers(1, 60), st.floats(0.5, 0.99))
def test_bins_hold_every_level_and_about_as_many_each(count: int, ratio: float) -> None:
    sigmas = 10 * ratio ** torch.arange(count, dtype=torch.float64)
    bins = Listed(sigmas).bins()
    assert len(bins.centres) == len(bins.edges) + 1 == min(count, MOST_BINS)
    held = torch.bincount(torch.bucketize(sigmas, bins.edges), minlength=len(bins.centres))
    assert held.sum() == count
    assert held.max() - held.min() <= 1
    own = torch.bucketize(bins.centres, bins.edges)
    assert own.tolist() == list(range(len(bins.centres)))


def test_few_levels_are_bins_of_their_own() -> None:
    sigmas = torch.tensor([5.0, 1.0, 0.1])
    torch.testing.assert_close(Listed(sigmas).bins().centres, sigmas.flip(0))
    assert Listed(torch.tensor([0.0])).bins().centres.tolist() == [0.0]


def test_log_normal_levels_follow_their_distribution() -> None:
    torch.manual_seed(0)
    levels = LogNormal(-1.2, 1.2, CPU, torch.float64)
    drawn = levels.draw(4000).log().numpy()
    assert stats.kstest(drawn, stats.norm(-1.2, 1.2).cdf).pvalue > 1e-3


def test_bins_of_log_normal_levels_are_half_a_std_wide_about_the_mean() -> None:
    bins = LogNormal(-1.2, 0.8, CPU, torch.float64).bins()
    assert len(bins.centres) == MOST_BINS
    width = bins.edges.log().diff()
    torch.testing.assert_close(width, torch.full_like(width, 0.4))
    middle = (bins.edges[:-1] * bins.edges[1:]).sqrt()
    torch.testing.assert_close(bins.centres[1:-1], middle)
    assert math.log(bins.edges[MOST_BINS // 2 - 1]) == pytest.approx(-1.2)
