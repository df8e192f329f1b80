"""EM for a mixture of probabilistic principal component analysers.

Tipping & Bishop 1999, "Mixtures of probabilistic principal component analyzers", Neural
Computation 11:443. Only the component a sample comes from is treated as missing, so an M-step is
the closed form of one analyser after another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import scipy.linalg
import torch
from torch import Tensor

from scorebench import UserError
from scorebench.metrics import GaussianAccumulator

from .low_rank_mixture import LowRankMixture

SUBSPACE = 128  # leading directions in which means and factors are sought, where d is larger
NOISE_FLOOR = 1e-4  # least ψ, relative to the data's mean variance per dimension
GAIN = 1e-3  # EM has converged when an iteration gains fewer nats per sample
LLOYD_STEPS = 10


def fit(
    blocks: Callable[[], Iterable[Tensor]],
    components: int,
    rank: int,
    iterations: int,
    seed: int,
) -> tuple[Tensor, LowRankMixture]:
    """Fit a mixture of low-rank Gaussians to samples that are read a block at a time.

    What is kept of a sample are its coordinates in the leading principal directions and its
    squared length: factors lie in these directions, the rest of it counts as isotropic noise.

    Args:
        blocks: gives all N samples, float64 ``[n, d]`` at a time, whenever it is called.
        components: K; fewer remain where one is left with under two samples per direction.
        rank: r, directions per component, below d; N is at least K·(2r + 1).
        iterations: of EM at most.
        seed: of the initial centres.

    Returns:
        The samples' mean ``[d]`` and the mixture of what is left when it is subtracted.

    Raises:
        UserError: the samples are all equal.
    """
    centre, directions = principal_subspace(blocks, max(SUBSPACE, 2 * rank))
    coordinates, energies = [], []
    for block in blocks():
        coordinates.append((block - centre) @ directions)
        energies.append((block - centre).square().sum(1, keepdim=True))
    z, energy = torch.cat(coordinates), torch.cat(energies)
    if energy.mean() <= torch.finfo(z.dtype).eps * centre.square().sum():
        raise UserError("factor_mixture needs samples that differ from each other")
    shares = cluster(z, components, torch.Generator().manual_seed(seed))
    *_, (mixture, _) = expectation_maximisation(
        z, energy, shares, rank=rank, dimension=len(centre), iterations=iterations
    )
    return centre, LowRankMixture(
        weights=mixture.weights,
        means=mixture.means @ directions.mT,
        bases=directions @ mixture.bases,
        eigenvalues=mixture.eigenvalues,
        noise=mixture.noise,
        dimension=len(centre),
    )


def principal_subspace(blocks: Callable[[], Iterable[Tensor]], size: int) -> tuple[Tensor, Tensor]:
    """The mean ``[d]`` and the leading principal directions ``[d, min(d, size)]`` of samples."""
    accumulator = GaussianAccumulator()
    for block in blocks():
        accumulator.add(block)
    statistics = accumulator.statistics()
    centre, d = torch.from_numpy(statistics.mean), len(statistics.mean)
    if d <= size:
        return centre, torch.eye(d, dtype=torch.float64)
    _, directions = scipy.linalg.eigh(statistics.covariance, subset_by_index=(d - size, d - 1))
    return centre, torch.from_numpy(directions)


def cluster(z: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """One-hot clusters ``[N, count]`` of points ``[N, q]`` by k-means.

    Centres are seeded by k-means++ (Arthur & Vassilvitskii 2007), then moved by Lloyd's algorithm.
    """
    centres = z[torch.randint(len(z), (1,), generator=generator)]
    while len(centres) < count:
        distance = torch.cdist(z, centres).amin(1).square()
        chance = distance.clamp(min=torch.finfo(z.dtype).eps)  # all may be 0 where points repeat
        centres = torch.cat([centres, z[torch.multinomial(chance, 1, generator=generator)]])
    for _ in range(LLOYD_STEPS):
        nearest = torch.cdist(z, centres).argmin(1)
        shares = torch.nn.functional.one_hot(nearest, count).to(z)
        sizes = shares.sum(0)[:, None]
        centres = torch.where(sizes > 0, shares.mT @ z / sizes.clamp(min=1), centres)
    return shares


def expectation_maximisation(
    z: Tensor, energy: Tensor, shares: Tensor, *, rank: int, dimension: int, iterations: int
) -> Iterator[tuple[LowRankMixture, float]]:
    """Improve a mixture until it has converged, starting from ``shares``, as in ``maximise``.

    Yields:
        After every iteration the mixture and its log-likelihood in nats per sample.
    """
    before = -math.inf
    for _ in range(iterations):
        mixture = maximise(z, energy, shares, rank, dimension)
        joint, _ = mixture.evaluate(z, energy, z.new_zeros(()))
        reference = mixture.log_reference(energy, z.new_zeros(()))
        likelihood = (joint.logsumexp(1, keepdim=True) + reference).mean().item()
        yield mixture, likelihood
        dropped = len(mixture.weights) < shares.shape[1]  # may have cost some likelihood
        if likelihood - before < GAIN and not dropped:
            return
        before, shares = likelihood, joint.softmax(1)


def maximise(
    z: Tensor, energy: Tensor, shares: Tensor, rank: int, dimension: int
) -> LowRankMixture:
    """The M-step: the likeliest mixture of samples shared out among its components.

    Tipping & Bishop 1999, "Probabilistic principal component analysis", J. R. Statist. Soc. B
    61:611, equations 7 and 8: a component's directions are the leading ones of its covariance, and
    ψ is the mean variance in all others.

    Args:
        z: coordinates of centred samples ``[N, q]``.
        energy: their squared lengths in all ``dimension`` dimensions ``[N, 1]``.
        shares: the posterior probability of each component ``[N, K]``. One left with under two
            samples per direction is dropped.
        rank: directions per component.
        dimension: of the space, at least q.
    """
    shares = shares[:, shares.sum(0) > 2 * rank]
    counts = shares.sum(0)
    means = shares.mT @ z / counts[:, None]
    scatter = torch.stack([(z * share[:, None]).mT @ z for share in shares.mT])
    covariances = scatter / counts[:, None, None] - means[:, :, None] * means[:, None]
    variances, directions = torch.linalg.eigh(covariances)
    others = z.shape[1] - rank
    total = (shares.mT @ energy).squeeze(1) / counts - means.square().sum(1)
    noise = (total - variances[:, others:].sum(1)) / (dimension - rank)
    noise = noise.clamp(min=NOISE_FLOOR * energy.mean().item() / dimension)
    return LowRankMixture(
        weights=counts / counts.sum(),
        means=means,
        bases=directions[:, :, others:],
        eigenvalues=(variances[:, others:] - noise[:, None]).clamp(min=0),
        noise=noise,
        dimension=dimension,
    )
