"""EM against closed forms, planted parameters and its own guarantees."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from scorebench_plugins.score_models import factor_analysis
from scorebench_plugins.score_models.factor_analysis import (
    cluster,
    expectation_maximisation,
    fit,
    principal_subspace,
)


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def blocks_of(x: Tensor, size: int = 100) -> Callable[[], tuple[Tensor, ...]]:
    return lambda: torch.split(x, size)


def planted(count: int, d: int = 6) -> Tensor:
    """Two clusters far apart with one direction each: variances 9 + 0.04 and 4 + 0.25."""
    sizes = (count // 4, count - count // 4)
    parts = []
    for k, (size, root, noise) in enumerate(zip(sizes, (3.0, 2.0), (0.2, 0.5), strict=True)):
        part = noise * random(size, d, seed=2 * k)
        part[:, k] += root * random(size, seed=2 * k + 1)
        part[:, 5] += 20 * k
        parts.append(part)
    return torch.cat(parts)


def test_recovers_planted_parameters() -> None:
    x = planted(8000)
    centre, found = fit(blocks_of(x), components=2, rank=1, iterations=100, seed=0)
    order = found.weights.argsort()
    torch.testing.assert_close(centre, x.mean(0))
    # Relative standard errors: a variance's is √(2/n), n = 2,000 and 6,000; five times that.
    assert found.weights[order].tolist() == pytest.approx([0.25, 0.75])
    assert found.eigenvalues[order, 0].tolist() == pytest.approx([9, 4], rel=0.16)
    assert found.noise[order].tolist() == pytest.approx([0.04, 0.25], rel=0.07)
    expected = torch.zeros(2, 6, dtype=torch.float64)
    expected[1, 5] = 20
    error = (found.means[order] + centre - expected).abs()
    assert error.max() < 5 * 3 / math.sqrt(2000)
    directions = found.bases[order, :, 0].abs()
    assert directions[0, 0] > 0.99
    assert directions[1, 1] > 0.99


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_one_component_is_probabilistic_pca(rank: int) -> None:
    x = random(500, 5) @ random(5, 5, seed=1)
    centre, found = fit(blocks_of(x), components=1, rank=rank, iterations=5, seed=0)
    variances, vectors = torch.linalg.eigh((x - centre).mT @ (x - centre) / 500)
    noise = variances[: 5 - rank].mean()
    leading = vectors[:, 5 - rank :]
    expected = leading @ torch.diag(variances[5 - rank :] - noise) @ leading.mT
    torch.testing.assert_close(found.noise[0], noise)
    torch.testing.assert_close(
        (found.bases * found.eigenvalues[:, None] @ found.bases.mT)[0], expected
    )


@pytest.mark.parametrize("seed", range(5))
def test_likelihood_never_falls(seed: int) -> None:
    z = random(400, 5, seed=seed) ** 3
    energy = z.square().sum(1, keepdim=True)
    shares = cluster(z, 4, torch.Generator().manual_seed(seed))
    steps = expectation_maximisation(z, energy, shares, rank=1, dimension=5, iterations=60)
    for (before, low), (after, high) in itertools.pairwise(steps):
        if len(after.weights) == len(before.weights):
            assert high >= low - 1e-12
    assert torch.isclose(after.weights.sum(), torch.ones((), dtype=torch.float64))


def test_a_component_with_too_few_samples_is_dropped() -> None:
    x = torch.cat([random(200, 4), torch.full((1, 4), 1e3, dtype=torch.float64)])
    _, found = fit(blocks_of(x), components=2, rank=1, iterations=50, seed=0)
    assert found.weights.tolist() == [1.0]


def test_repeated_samples_leave_some_noise() -> None:
    x = random(3, 4).repeat(30, 1)
    _, found = fit(blocks_of(x), components=5, rank=1, iterations=50, seed=0)
    assert (found.noise > 0).all()
    assert all(t.isfinite().all() for t in (found.weights, found.means, found.eigenvalues))


def test_blocks_do_not_matter() -> None:
    x = planted(400)
    (_, whole), (_, parts) = (fit(blocks_of(x, size), 2, 1, 50, 0) for size in (400, 7))
    torch.testing.assert_close(parts.noise, whole.noise)
    torch.testing.assert_close(parts.means, whole.means)


def test_large_data_are_fitted_in_their_leading_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    d = 200
    spread = torch.zeros(d, dtype=torch.float64)
    spread[:4] = torch.tensor([8.0, 6.0, 5.0, 4.0])
    x = random(600, d) * (0.04 + spread**2).sqrt() @ torch.linalg.qr(random(d, d, seed=1))[0]
    _, directions = principal_subspace(blocks_of(x), factor_analysis.SUBSPACE)
    assert directions.shape == (d, 128)
    torch.testing.assert_close(directions.mT @ directions, torch.eye(128, dtype=torch.float64))
    _, fast = fit(blocks_of(x), 1, 4, 50, 0)
    monkeypatch.setattr(factor_analysis, "SUBSPACE", d)
    _, full = fit(blocks_of(x), 1, 4, 50, 0)
    torch.testing.assert_close(fast.noise, full.noise)
    torch.testing.assert_close(fast.eigenvalues, full.eigenvalues)
    torch.testing.assert_close((fast.bases.mT @ full.bases).abs()[0], torch.eye(4).double())
