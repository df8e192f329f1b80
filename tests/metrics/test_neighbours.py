from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from scorebench.errors import UserError
from scorebench.metrics import distances, nearest, neighbours
from scorebench.metrics.neighbours import closest

laws = settings(max_examples=80, deadline=None)


@contextmanager
def engine(block: int, few: int = 0, room: int = 4) -> Iterator[None]:
    """Blocks of that size, and products in float32 of more than ``few`` columns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "BLOCK", block)
        patch.setattr(distances, "FEW", few)
        patch.setattr(neighbours, "ROOM", room)
        yield


def slow(points: np.ndarray, queries: np.ndarray | None, k: int) -> tuple[np.ndarray, np.ndarray]:
    """All distances, sorted; a stable sort leaves the lowest index first."""
    all_distances = cdist(points if queries is None else queries, points)
    if queries is None:
        np.fill_diagonal(all_distances, np.inf)
    order = all_distances.argsort(axis=1, kind="stable")[:, :k]
    return np.take_along_axis(all_distances, order, axis=1), order


@st.composite
def sets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Points and queries of one kind, in one dtype."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(2, 40)), draw(st.integers(1, 9)))
    others = (draw(st.integers(1, 30)), shape[1])
    kind = draw(st.sampled_from(["grid", "tenths", "noise", "copies", "sorted", "clusters"]))
    x, y = rng.integers(0, draw(st.integers(1, 5)), shape), rng.integers(0, 4, others)
    if kind == "tenths":
        x, y = x / 10, y / 10
    elif kind != "grid":
        x, y = rng.normal(size=shape), rng.normal(size=others)
    if kind == "copies":
        y = x[rng.integers(0, len(x), len(y))]
    if kind == "sorted":
        x = np.sort(x, axis=0)[::-1]
    if kind == "clusters":
        x, y = (1e-5 * z + 100 * rng.integers(0, 3, size=(len(z), 1)) for z in (x, y))
    offset = draw(st.sampled_from([0, 1000]))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return (x + offset).astype(dtype), (y + offset).astype(dtype)


tunings = st.builds(
    engine, st.sampled_from([1, 3, 8, 1024]), st.sampled_from([0, 64]), st.sampled_from([1, 4])
)


@laws
@given(sets(), st.data())
def test_the_closest_are_those_of_all_distances_sorted(
    case: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    points, queries = case
    k = data.draw(st.integers(1, len(points) - 1))
    with data.draw(tunings):
        for given_queries in (None, queries):
            found = closest(points, given_queries, k)
            expected = slow(points, given_queries, k)
            np.testing.assert_array_equal(found[0], expected[0])
            np.testing.assert_array_equal(found[1], expected[1])


@laws
@given(sets(), tunings)
def test_nearest_is_the_smallest_distance_and_the_lowest_index(
    case: tuple[np.ndarray, np.ndarray], tuning: AbstractContextManager[None]
) -> None:
    points, queries = case
    with tuning:
        for given_queries in (None, queries):
            found = nearest(points, given_queries)
            expected = slow(points, given_queries, 1)
            np.testing.assert_array_equal(found[0], expected[0][:, 0])
            np.testing.assert_array_equal(found[1], expected[1][:, 0])


def test_by_hand() -> None:
    points = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [6.0, 8.0]])
    values, indices = nearest(points)
    assert values.tolist() == [0, 5, 0, 5]
    assert indices.tolist() == [2, 0, 0, 1]
    values, indices = nearest(points, np.array([[0.0, 1.0], [3.0, 4.0]]))
    assert values.tolist() == [1, 0]
    assert indices.tolist() == [0, 1]
    assert (values.dtype, indices.dtype) == (np.float64, np.int64)


def test_float32_distances_would_not_do() -> None:
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(60, 90))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    # Lengths that differ by less than float32 tells apart.
    points = directions * (1 + 1e-9 * rng.permutation(60)[:, np.newaxis])
    with engine(16):
        _, indices = nearest(points, np.zeros((1, 90)))
    _, expected = slow(points, np.zeros((1, 90)), 1)
    assert indices[0] == expected[0, 0]
    assert (points.astype(np.float32) ** 2).sum(axis=1).argmin() != indices[0]


def test_few_single_distances_are_computed_of_generic_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count, asked = 0, distances.Bounds.distances

    def counted(self: distances.Bounds, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        nonlocal count
        count += len(rows)
        return asked(self, rows, columns)

    monkeypatch.setattr(distances.Bounds, "distances", counted)
    points = np.random.default_rng(0).normal(size=(400, 100)).astype(np.float32)
    with engine(64):
        closest(points, None, 3)
    assert 3 * 400 <= count < 3.05 * 400


@pytest.mark.parametrize(
    "points",
    [
        np.random.default_rng(0).normal(size=(600, 200)),
        np.full((600, 200), 0.1),
        np.tile(np.eye(200), (3, 1)),
    ],
    ids=["noise", "one point", "tied"],
)
def test_memory_is_bounded(points: np.ndarray) -> None:
    with engine(64), pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "CHUNK", 2**17)
        tracemalloc.start()
        closest(points.astype(np.float32), None, 3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 600 * 600 * 8  # all distances


def test_tensors_are_read() -> None:
    points = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.bfloat16, requires_grad=True)
    values, indices = nearest(points, torch.tensor([[2.5]]))
    assert (values.tolist(), indices.tolist()) == ([0.5], [2])


def test_bad_input_is_named() -> None:
    good = np.zeros((5, 2))
    with pytest.raises(UserError, match=r"^points: expected at least 2 samples, got 1$"):
        nearest(good[:1])
    with pytest.raises(UserError, match=r"^points: expected finite"):
        nearest(np.full((5, 2), np.nan), good)
    with pytest.raises(UserError, match=r"^queries: expected at least 1 samples, got 0$"):
        nearest(good, good[:0])
    with pytest.raises(UserError, match=r"^queries: expected 2 columns, .* got 3$"):
        nearest(good, np.zeros((5, 3)))
