"""What a dataset recommends, against slow and obviously correct versions."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist, pdist

from scorebench import UserError, levels
from scorebench.levels import (
    count_levels,
    largest_distance,
    nearest_distances,
    overlap,
    ratio_for_overlap,
    sigma_min_for,
    step_size_for,
    variance_left,
)


@pytest.fixture(params=[None, 7], ids=["one block", "blocks of 7"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param is not None:
        monkeypatch.setattr(levels, "MOST_ROWS", request.param)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dimension", [1, 2, 60])
def test_the_largest_distance_is_that_of_all_pairs(seed: int, dimension: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(50, dimension)) * generator.exponential(size=(50, 1)) + 1000
    assert largest_distance(x) == pytest.approx(pdist(x).max(), rel=1e-12)


@settings(max_examples=200)
@given(arrays(np.uint8, st.tuples(st.integers(2, 12), st.integers(1, 3), st.just(2))))
def test_distances_of_any_images(x: np.ndarray[Any, Any]) -> None:
    flat = x.reshape(len(x), -1).astype(float)
    if pdist(flat).max() == 0:
        with pytest.raises(UserError, match="all samples are equal"):
            largest_distance(x)
        return
    assert largest_distance(x) == pytest.approx(pdist(flat).max(), rel=1e-12)
    distances = cdist(flat, flat)
    expected = np.where(distances == 0, np.inf, distances).min(axis=1)
    np.testing.assert_allclose(nearest_distances(x), expected, rtol=1e-6)


@pytest.mark.usefixtures("blocks")
def test_a_pair_across_blocks_is_found_where_walking_to_the_farthest_misleads() -> None:
    """In a triangle of equal sides, each end is replaced by a pair of points near one another."""
    corners = np.array([[0, 0, 0], [1, 0, 0], [0.5, math.sqrt(0.75), 0]])
    generator = np.random.default_rng(0)
    for _ in range(20):
        x = np.repeat(corners, 10, axis=0) + 1e-3 * generator.normal(size=(30, 3))
        generator.shuffle(x)
        assert largest_distance(x) == pytest.approx(pdist(x).max(), rel=1e-14)


def test_tensors_and_arrays_of_any_shape_are_alike() -> None:
    x = torch.randint(0, 256, (30, 3, 4, 5), dtype=torch.uint8)
    flat = x.flatten(1).numpy()
    assert largest_distance(x) == largest_distance(flat) == pdist(flat.astype(float)).max()
    assert nearest_distances(x).tolist() == nearest_distances(flat).tolist()


@pytest.mark.usefixtures("blocks")
def test_neighbours_are_looked_for_among_all_samples_by_some_of_them() -> None:
    x = np.random.default_rng(0).normal(size=(100, 8)) + 50
    distances = cdist(x, x)
    np.fill_diagonal(distances, np.inf)
    chosen = [0, 11, 22, 33, 44, 55, 66, 77, 88, 99]
    np.testing.assert_allclose(nearest_distances(x, 10), distances.min(1)[chosen], rtol=1e-9)


def test_duplicates_are_passed_over_even_where_products_round() -> None:
    x = np.random.default_rng(0).normal(size=(20, 300)) * 1e4 + 1e3
    twice = np.concatenate([x, x])
    np.testing.assert_allclose(nearest_distances(twice)[:20], nearest_distances(x), rtol=1e-9)


def test_equal_samples_and_missing_values_are_refused() -> None:
    for function in (largest_distance, nearest_distances):
        with pytest.raises(UserError, match="all samples are equal"):
            function(np.ones((5, 3)))
        with pytest.raises(UserError, match="aren't finite"):
            function(np.array([[1.0], [np.nan]]))


def test_memory_is_bounded_by_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Watched:
        """Samples that note how many were asked for at once."""

        shape, dtype, most = (500, 16), torch.uint8, 0
        x = torch.randint(0, 256, (500, 16), dtype=torch.uint8)

        def __len__(self) -> int:
            return 500

        def __getitem__(self, rows: slice) -> torch.Tensor:
            found = self.x[rows]
            self.most = max(self.most, len(found))
            return found

    monkeypatch.setattr(levels, "MOST_NUMBERS", 640)
    watched = Watched()
    assert largest_distance(watched) == pdist(watched.x.double().numpy()).max()
    nearest_distances(watched)
    assert watched.most == 40


def test_the_smallest_level_moves_samples_by_a_tenth_of_the_way_to_a_neighbour() -> None:
    sigma = sigma_min_for(4.0, 10_000)
    moved = sigma * np.random.default_rng(0).normal(size=(100, 10_000))
    assert np.linalg.norm(moved, axis=1).mean() == pytest.approx(0.4, rel=0.01)


@pytest.mark.parametrize("ratio", [1.02, 1.04, 1.1])
def test_the_overlap_is_that_of_real_noise_in_many_dimensions(ratio: float) -> None:
    dimension = 3072
    lengths = np.sqrt(np.random.default_rng(0).chisquare(dimension, size=100_000))
    near = np.abs(lengths - ratio * math.sqrt(dimension)) < 3 * ratio / math.sqrt(2)
    assert overlap(ratio, dimension) == pytest.approx(near.mean(), abs=0.01)


def test_the_papers_numbers_for_cifar10() -> None:
    """σ₁ = 50 and σ_L = 0.01 with 232 levels, T = 5 and ε = 6.2e-6 (table 3 of the paper)."""
    ratio = ratio_for_overlap(3072)
    assert ratio == pytest.approx(1.0398, abs=1e-4)
    assert count_levels(50, 0.01, ratio) == pytest.approx(232, rel=0.06)
    assert overlap(5000 ** (1 / 231), 3072) == pytest.approx(0.5, abs=0.07)
    assert step_size_for(5000 ** (1 / 231), 0.01, 5) == pytest.approx(6.2e-6, rel=0.005)


@given(dimension=st.integers(5, 10**7), share=st.floats(0.01, 0.99))
def test_the_ratio_has_the_overlap_it_was_asked_for(dimension: int, share: float) -> None:
    ratio = ratio_for_overlap(dimension, share)
    assert ratio > 1
    assert overlap(ratio, dimension) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_in_few_dimensions_any_ratio_overlaps(dimension: int) -> None:
    assert ratio_for_overlap(dimension) == math.inf
    assert min(overlap(r, dimension) for r in (1.0, 2.0, 10.0, 1e3, 1e6)) > 0.99


@pytest.mark.parametrize("share", [0.0, -1.0, 1.0, math.nan])
def test_an_impossible_overlap_is_refused(share: float) -> None:
    with pytest.raises(UserError, match=r"above 0 and at most 0\.99"):
        ratio_for_overlap(64, share)


@given(ratio=st.floats(1.001, 10), span=st.floats(1.0001, 1e8))
def test_levels_are_as_few_as_the_ratio_allows(ratio: float, span: float) -> None:
    n = count_levels(span, 1.0, ratio)
    assert span ** (1 / (n - 1)) <= ratio * (1 + 1e-6)
    assert n == 2 or span ** (1 / (n - 2)) > ratio


def test_a_span_that_is_a_power_of_the_ratio_takes_no_level_more() -> None:
    assert [count_levels(2.0**k, 1, 2) for k in range(1, 60)] == list(range(2, 61))


def simulated(ratio: float, fraction: float, steps: int) -> float:
    """The variance after steps x + α·s + √(2α)·z, s = −x/σ², of data that is the point 0."""
    sigma = 3.0
    alpha, variance = fraction * sigma**2, (ratio * sigma) ** 2
    for _ in range(steps):
        variance = (1 - alpha / sigma**2) ** 2 * variance + 2 * alpha
    return variance / sigma**2


CASES = [(1.0376, 5), (1.5, 1), (1.2, 3), (2.0, 10), (1.001, 2), (1.05, 1000)]


@pytest.mark.parametrize(("ratio", "steps"), CASES)
@pytest.mark.parametrize("fraction", [1e-6, 0.03, 0.5, 1.0])
def test_the_variance_left_is_that_of_the_steps(ratio: float, steps: int, fraction: float) -> None:
    expected = simulated(ratio, fraction, steps)
    assert variance_left(ratio, fraction, steps) == pytest.approx(expected, rel=1e-9)


def test_the_variance_left_is_that_of_the_sampler() -> None:
    """Of a point mass, by the shipped sampler, from one level to the next."""
    import scorebench

    model = scorebench.load("score_model", "gaussian", dtype="float64", mean=[0.0] * 64, std=0)
    ladder = torch.tensor([1.5, 1.0], dtype=torch.float64)
    for convention in ("half", "full"):
        step = step_size_for(1.5, 1.0, 3, convention)
        build = {"step_size": step, "steps_per_level": 3, "convention": convention}
        sampler = scorebench.build("sampler", "annealed_langevin", **build)
        drawn = scorebench.sample(model, sampler, ladder, 2000).x
        fraction = step if convention == "full" else step / 2
        # The first level is walked too, from variance 1 of itself.
        arrived = variance_left(1.0, fraction, 3) * 1.5**2
        expected = variance_left(math.sqrt(arrived), fraction, 3)
        assert float(drawn.square().mean()) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(("ratio", "steps"), CASES)
def test_no_other_step_size_comes_closer(ratio: float, steps: int) -> None:
    best = step_size_for(ratio, 0.1, steps) / 0.1**2
    tried = np.concatenate([np.geomspace(1e-7, 1, 400), best * np.linspace(0.99, 1.01, 21)])
    closest = min(abs(simulated(ratio, u, steps) - 1) for u in tried)
    assert 0 < best < 1
    assert abs(simulated(ratio, best, steps) - 1) <= closest * (1 + 1e-9)


@given(ratio=st.floats(1.0001, 1e3), fraction=st.floats(1e-6, 1), steps=st.integers(1, 10_000))
def test_the_variance_never_falls_to_what_it_should_be(
    ratio: float, fraction: float, steps: int
) -> None:
    assert variance_left(ratio, fraction, steps) > 1


@given(ratio=st.floats(1.0001, 1e3))
def test_the_step_size_of_one_iteration_has_a_closed_form(ratio: float) -> None:
    """(1−u)²γ² + 2u is smallest at u = 1 − 1/γ²."""
    assert step_size_for(ratio, 1.0, 1) == pytest.approx(1 - ratio**-2, rel=1e-6)


@pytest.mark.parametrize(("convention", "factor"), [("full", 1), ("half", 2)])
def test_the_step_size_scales_with_the_level_and_the_convention(
    convention: Literal["half", "full"], factor: float
) -> None:
    step = step_size_for(1.3, 0.2, 5, convention)
    assert step == pytest.approx(factor * 0.04 * step_size_for(1.3, 1.0, 5))
