from __future__ import annotations

import operator
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group

from scorebench.errors import UserError
from scorebench.metrics import Manifold, ManifoldScores, distances

laws = settings(max_examples=50, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def squared(x: np.ndarray, y: np.ndarray) -> int:
    """Exact, because the features of these tests are integers."""
    return sum((int(a) - int(b)) ** 2 for a, b in zip(x, y, strict=True))


def slow_radii(points: np.ndarray, k: int) -> list[int]:
    return [
        sorted(squared(p, q) for j, q in enumerate(points) if j != i)[k - 1]
        for i, p in enumerate(points)
    ]


def slow_scores(
    real: np.ndarray, fake: np.ndarray, k: int, boundary: str = "closed"
) -> ManifoldScores:
    """The definitions, loop by loop, in exact integer arithmetic."""
    inside = operator.le if boundary == "closed" else operator.lt
    real_radii, fake_radii = slow_radii(real, k), slow_radii(fake, k)
    inside_real = [
        [inside(squared(f, r), radius) for r, radius in zip(real, real_radii, strict=True)]
        for f in fake
    ]
    inside_fake = [
        [inside(squared(r, f), radius) for f, radius in zip(fake, fake_radii, strict=True)]
        for r in real
    ]
    return ManifoldScores(
        precision=sum(map(any, inside_real)) / len(fake),
        recall=sum(map(any, inside_fake)) / len(real),
        density=sum(map(sum, inside_real)) / (k * len(fake)),
        coverage=sum(map(any, zip(*inside_real, strict=True))) / len(real),
    )


def grid(seed: int, count: int, dimension: int, size: int) -> np.ndarray:
    """Points of a small grid: many ties and duplicates."""
    return np.random.default_rng(seed).integers(0, size, size=(count, dimension))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    k = draw(st.integers(1, 4))
    real_count, fake_count = draw(st.integers(k + 1, 25)), draw(st.integers(k + 1, 25))
    dimension, size = draw(st.integers(1, 9)), draw(st.integers(2, 6))
    seed = draw(seeds)
    real = grid(seed, real_count, dimension, size)
    fake = grid(seed + 1, fake_count, dimension, size)
    fake[:, 0] += draw(st.integers(0, size))  # from equal distributions to ones a gap apart
    return real, fake, k


@settings(max_examples=100, deadline=None)
@given(
    pairs(),
    st.sampled_from(["closed", "open"]),
    st.sampled_from([np.int64, np.float32, np.float64]),
    st.sampled_from([7, 1024]),
    st.sampled_from([0, 64]),
)
def test_scores_are_those_of_the_definitions_under_ties_and_duplicates(
    case: tuple[np.ndarray, np.ndarray, int], boundary: str, dtype: type, block: int, few: int
) -> None:
    real, fake, k = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "BLOCK", block)
        patch.setattr(distances, "FEW", few)
        scores = Manifold(real.astype(dtype), k, boundary=boundary).scores(fake.astype(dtype))
    # approx for the last bit of a mean: any miscounted sample is off by more than 1/100.
    expected = slow_scores(real, fake, k, boundary)
    assert vars(scores) == pytest.approx(vars(expected), abs=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("offset", "scale"), [(0, 1), (1000, 1), (0, 1e-30), (0, 1e30)])
def test_scores_in_many_dimensions_are_those_of_float64_distances(
    offset: float, scale: float, dtype: str
) -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(130, 100)), 0.95 * rng.normal(size=(120, 100))
    fake[:20] = real[:20]  # on the boundaries of their neighbours' balls
    real, fake = ((scale * (x + offset)).astype(dtype) for x in (real, fake))
    manifold = Manifold(real)
    real_radii, fake_radii = (np.sort(cdist(x, x), axis=1)[:, 3] for x in (real, fake))
    np.testing.assert_array_equal(manifold.radii, real_radii)
    between = cdist(fake, real)
    inside_real, inside_fake = between <= real_radii, between <= fake_radii[:, np.newaxis]
    assert vars(manifold.scores(fake)) == pytest.approx(
        {
            "precision": inside_real.any(axis=1).mean(),
            "recall": inside_fake.any(axis=0).mean(),
            "density": inside_real.sum() / (3 * 120),
            "coverage": inside_real.any(axis=0).mean(),
        },
        abs=1e-12,
    )


@pytest.mark.parametrize("block", [1, 10, 35])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = grid(0, 60, 3, 9), grid(1, 50, 3, 9) // 2 * 3
    whole = Manifold(real)
    scores = whole.scores(fake)
    monkeypatch.setattr(distances, "BLOCK", block)
    blocked = Manifold(real)
    np.testing.assert_array_equal(blocked.radii, whole.radii)
    assert blocked.scores(fake) == scores
    assert min(scores.precision, scores.recall, scores.coverage) > 0
    assert max(scores.precision, scores.recall, scores.coverage) < 1


def test_memory_is_a_float32_copy_of_either_side_and_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(distances, "BLOCK", 64)
    rng = np.random.default_rng(0)
    real, fake = (rng.normal(size=(2000, 70)).astype(np.float32) for _ in range(2))
    tracemalloc.start()
    Manifold(real).scores(fake)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * real.nbytes + 4e6 < 2000 * 2000 * 4 / 2


@laws
@given(pairs())
def test_an_offset_of_1000_in_float32_changes_nothing(
    case: tuple[np.ndarray, np.ndarray, int],
) -> None:
    real, fake, k = case
    far = Manifold((real / 64 + 1000).astype(np.float32), k)
    assert far.scores((fake / 64 + 1000).astype(np.float32)) == Manifold(real, k).scores(fake)


@laws
@given(pairs())
def test_exchanging_the_sides_exchanges_precision_and_recall(
    case: tuple[np.ndarray, np.ndarray, int],
) -> None:
    real, fake, k = case
    forth, back = Manifold(real, k).scores(fake), Manifold(fake, k).scores(real)
    assert (forth.precision, forth.recall) == pytest.approx((back.recall, back.precision))


@laws
@given(seeds, st.floats(1e-3, 1e3))
def test_order_rotation_and_scale_change_nothing(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(40, 5)), 0.7 * rng.normal(size=(30, 5)) + 0.5
    expected = Manifold(real).scores(fake)
    rotation = scale * ortho_group.rvs(5, random_state=seed)
    assert Manifold(rng.permutation(real)).scores(rng.permutation(fake)) == expected
    assert Manifold(real @ rotation).scores(fake @ rotation) == expected


def test_points_on_a_line_by_hand() -> None:
    reference = np.array([[0.0], [1.0], [3.0], [10.0]])
    line = Manifold(reference, k=1)
    np.testing.assert_array_equal(line.radii, [1, 1, 2, 7])
    # 3 is in the ball of 3 and on the edge of 10's, 5 on the edge of 3's and in 10's, 20 in none.
    # The generated balls have radii 2, 2 and 15: they hold 1 (on the edge) and 3; 3; 10.
    scores = line.scores(np.array([[3.0], [5.0], [20.0]]))
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.recall == pytest.approx(3 / 4)
    assert scores.density == pytest.approx(4 / 3)
    assert scores.coverage == pytest.approx(2 / 4)


def test_radius_is_the_distance_to_the_kth_other_sample() -> None:
    x = np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0], [0.0, 0.0]])
    np.testing.assert_array_equal(Manifold(x, k=1).radii, [0, 5, 5, 0])
    np.testing.assert_array_equal(Manifold(x, k=2).radii, [5, 5, 10, 5])
    np.testing.assert_array_equal(Manifold(x, k=3).radii, [10, 5, 10, 10])


@pytest.mark.parametrize("dimension", [1, 3, 67, 256])
def test_a_distance_rounds_alike_everywhere_so_neighbours_lie_on_the_boundary(
    dimension: int,
) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, dimension)) + 1000
    # A ball holds copies of its centre and of k neighbours, the last of them on its boundary.
    scores = Manifold(x, k=3).scores(rng.permutation(x))
    assert scores == ManifoldScores(precision=1, recall=1, density=4 / 3, coverage=1)


def test_far_apart_sets_score_0_and_a_collapsed_one_has_no_recall() -> None:
    x = np.random.default_rng(0).normal(size=(30, 4))
    assert Manifold(x).scores(x + 100) == ManifoldScores(0, 0, 0, 0)
    collapsed = Manifold(x).scores(np.tile(x[:1], (10, 1)))
    assert collapsed.precision == 1
    assert collapsed.recall == pytest.approx(1 / 30)


def test_known_radii_are_used_as_they_are() -> None:
    x = np.random.default_rng(0).normal(size=(20, 2))
    restored = Manifold(x, radii=np.zeros(20))
    np.testing.assert_array_equal(restored.radii, 0)
    assert restored.scores(x + 0.1).precision == 0
    assert Manifold(x).scores(x + 0.1).precision > 0


def test_tensors_are_read() -> None:
    x = torch.from_numpy(grid(0, 20, 3, 5)).float().requires_grad_()
    y = grid(1, 20, 3, 5)
    assert Manifold(x).scores(torch.from_numpy(y)) == Manifold(grid(0, 20, 3, 5)).scores(y)


def test_every_sample_needs_k_neighbours() -> None:
    with pytest.raises(UserError, match=r"^reference features: expected at least 4 samples, got 3"):
        Manifold(np.zeros((3, 2)), k=3)
    with pytest.raises(UserError, match=r"^features: expected at least 4 samples, got 3$"):
        Manifold(np.zeros((4, 2)), k=3).scores(np.zeros((3, 2)))


def test_bad_input_is_named() -> None:
    good = np.zeros((5, 2))
    with pytest.raises(UserError, match=r"^k: expected at least 1, got 0$"):
        Manifold(good, k=0)
    with pytest.raises(UserError, match=r'^boundary: expected "closed" or "open", got \'half\'$'):
        Manifold(good, boundary="half")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"^reference features: expected finite"):
        Manifold(np.full((5, 2), np.nan))
    with pytest.raises(UserError, match=r"^features: expected finite"):
        Manifold(good).scores(np.full((5, 2), np.inf))
    with pytest.raises(UserError, match=r"^features: expected 2 columns, .* got 3$"):
        Manifold(good).scores(np.zeros((5, 3)))
    with pytest.raises(UserError, match=r"^radii: expected shape \[5\], got \[4\]$"):
        Manifold(good, radii=np.zeros(4))
