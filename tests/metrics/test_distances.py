from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from scorebench.metrics import distances
from scorebench.metrics.distances import Bounds

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(70, 90))
SIGNS = np.where(RNG.random(70) < 0.5, -1.0, 1.0)[:, np.newaxis]

HARD = {
    "noise": NOISE,
    "far from 0": NOISE / 8 + 1000,
    "far apart": NOISE + 1e4 * SIGNS,
    "on a line": SIGNS * RNG.normal(size=90) * RNG.uniform(0.999, 1.001, size=(70, 1)),
    "rounding alike": SIGNS * np.full((70, 90), 1 + 2.0**-12 / 3),
    "duplicates": np.repeat(NOISE[:7], 10, axis=0),
    "one point": np.full((70, 90), 0.1),
    "zeros": np.zeros((70, 90)),
    "heavy tails": RNG.standard_cauchy(size=(70, 90)) ** 3,
    "huge": 1e40 * NOISE,
    "tiny": 1e-40 * NOISE,
    "squares underflow": 1e-170 * NOISE,
    "subnormal": 1e-310 * NOISE,
    "one outlier": NOISE * np.where(np.arange(70) == 3, 1e30, 1.0)[:, np.newaxis],
}


@pytest.fixture(params=["float32", "float64"])
def product(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The dtype of the products."""
    monkeypatch.setattr(distances, "FEW", 0 if request.param == "float32" else 1000)
    monkeypatch.setattr(distances, "BLOCK", 32)
    return str(request.param)


def whole(bounds: Bounds, shape: tuple[int, int]) -> np.ndarray:
    low = np.full(shape, np.nan)
    for rows, columns, block in bounds.blocks():
        low[rows, columns] = block
    return low


@pytest.mark.parametrize("name", HARD)
def test_distances_are_within_their_bounds_whatever_the_data(name: str, product: str) -> None:
    x, y = HARD[name][:40], HARD[name][30:]
    bounds = Bounds(x, y)
    low = whole(bounds, (40, 40))
    halves = bounds.halves(cdist(x, y))
    assert (low <= halves).all()
    high = low + bounds.rows.slack[:, np.newaxis] + bounds.columns.slack
    assert (halves <= high).all()


def test_bounds_are_close(product: str) -> None:
    x, y = NOISE[:40], NOISE[40:]
    bounds = Bounds(x, y)
    slack = bounds.rows.slack[:, np.newaxis] + bounds.columns.slack
    limit = {"float32": 2e-5, "float64": 2e-13}[product]
    assert (slack / bounds.halves(cdist(x, y))).max() < limit


def test_of_a_set_with_itself_each_pair_comes_once(product: str) -> None:
    bounds = Bounds(NOISE)
    low = whole(bounds, (70, 70))
    both = whole(Bounds(NOISE, NOISE), (70, 70))
    block = np.arange(70) // 32
    seen = block[:, np.newaxis] <= block
    assert np.isnan(low[~seen]).all()
    np.testing.assert_array_equal(np.diag(low), np.inf)
    off = seen & ~np.eye(70, dtype=bool)
    np.testing.assert_allclose(low[off], both[off], rtol=1e-4)


@pytest.mark.parametrize("strictly", [False, True])
@pytest.mark.parametrize("name", ["noise", "duplicates", "on a line", "far from 0"])
def test_pairs_within_radii_are_those_of_the_float64_distances(
    name: str, strictly: bool, product: str
) -> None:
    x, y = HARD[name][:40], HARD[name][20:]
    true = cdist(x, y)
    # The distances to a sample each, so that many pairs are exactly at the radius.
    of_rows, of_columns = true[:, 7:8], true[11:12]
    bounds = Bounds(x, y)
    for radii in (of_rows, of_columns):
        found = np.zeros(true.shape, dtype=bool)
        for rows, columns, low in bounds.blocks():
            part = radii[rows] if radii is of_rows else radii[:, columns]
            found[bounds.within(rows, columns, low, part, strictly=strictly)] = True
        np.testing.assert_array_equal(found, true < radii if strictly else true <= radii)


@pytest.mark.parametrize("chunk", [1, 90 * 7, 2**23])
@pytest.mark.parametrize("share", [0.02, 1.0])
def test_single_distances_are_those_of_cdist(
    share: float, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distances, "CHUNK", chunk)
    x, y = NOISE[:40].astype(np.float32), NOISE[30:]
    rows, columns = np.nonzero(RNG.random((40, 40)) < share)
    found = Bounds(x, y).distances(rows, columns)
    np.testing.assert_array_equal(found, cdist(x, y)[rows, columns])
    assert Bounds(x, y).distances(rows[:0], columns[:0]).shape == (0,)
