"""How far the metrics are from other packages', where the conventions coincide or can be made to.

Features are float64 here: most packages take float32 means of float32 features, which alone moves
an FID by 1e-7 or more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks import metric_data, metric_peers
from benchmarks.metric_data import Array
from scorebench.metrics import Manifold, frechet_distance, gaussian_statistics, inception_score
from scorebench.metrics.kernel_distance import kernel_distance, squared_mmd

COUNT, DIMENSION = 1500, 256
K = 3


@dataclass(frozen=True)
class Check:
    """What was compared, how far apart it is, and how far apart it may be."""

    what: str
    difference: float
    bound: float


def apart(ours: tuple[float, ...], theirs: tuple[float, ...]) -> float:
    """The largest relative difference."""
    return float((np.abs(np.subtract(ours, theirs)) / np.abs(theirs)).max())


def agree() -> bool:
    """Print all comparisons; whether none of the differences exceeds its bound."""
    good = True
    for check in checks():
        fine = check.difference <= check.bound
        good &= fine
        verdict = "" if fine else "  DISAGREES"
        print(f"  {check.what:<58} {check.difference:7.1e} of {check.bound:.0e}{verdict}")
    return good


def checks() -> Iterator[Check]:
    reference = metric_data.features(COUNT, DIMENSION, seed=0).astype(np.float64)
    generated = metric_data.features(COUNT, DIMENSION, seed=1, away=0.05).astype(np.float64)
    yield from fids(reference, generated)
    yield from manifolds("features", reference, generated)
    # Distances between whole numbers are exact everywhere, and many are equal.
    grids = np.random.default_rng(0).integers(0, 4, (2, COUNT, 4)).astype(np.float64)
    yield from manifolds("whole numbers, many ties", *grids)
    yield from inception_scores(metric_data.logits(COUNT, 100).astype(np.float64))
    yield from kids(reference, generated)
    yield from resizers()


def fids(reference: Array, generated: Array) -> Iterator[Check]:
    """All packages' formulas are the same."""
    ours = frechet_distance(gaussian_statistics(reference), gaussian_statistics(generated))
    for name, peer in metric_peers.FIDS.items():
        yield Check(f"FID, {name}", apart((ours,), (peer(reference)(generated),)), 1e-6)


def manifolds(kind: str, reference: Array, generated: Array) -> Iterator[Check]:
    """torch-fidelity's balls are closed, prdc's are open."""
    closed = Manifold(reference, K).scores(generated)
    theirs = metric_peers.torch_fidelity_manifold(reference, K)(generated)
    difference = apart((closed.precision, closed.recall), theirs)
    yield Check(f"P, R, torch-fidelity, {kind}", difference, 1e-6)  # it averages in float32
    open_ = Manifold(reference, K, boundary="open").scores(generated)
    values = (open_.precision, open_.recall, open_.density, open_.coverage)
    theirs = metric_peers.prdc_manifold(reference, K)(generated)
    yield Check(f"P, R, density, coverage, prdc, {kind}", apart(values, theirs), 1e-12)


def inception_scores(logits: Array) -> Iterator[Check]:
    """torch-fidelity can be told not to shuffle; torchmetrics' order is known from its seed."""
    theirs = metric_peers.torch_fidelity_inception_score(logits)
    difference = apart(inception_score(logits), theirs)
    yield Check("IS and deviation, torch-fidelity", difference, 1e-10)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        order = torch.randperm(len(logits)).numpy()
        torch.manual_seed(0)
        theirs = metric_peers.torchmetrics_inception_score(logits)
    mean, deviation = inception_score(logits[order], splits := 10)
    ours = mean, deviation * (splits / (splits - 1)) ** 0.5
    yield Check("IS and deviation by ddof = 1, torchmetrics", apart(ours, theirs), 1e-10)


def kids(reference: Array, generated: Array) -> Iterator[Check]:
    """On one subset of everything, so that it doesn't matter how subsets are drawn."""
    subset, _ = kernel_distance(reference, generated, subsets=1, subset_size=COUNT)
    ours = (subset, squared_mmd(reference, generated))
    for name, peer in metric_peers.KIDS.items():
        theirs = peer(reference, generated, 1, COUNT)
        yield Check(f"KID and MMD² of all, {name}", apart(ours, (theirs, theirs)), 1e-9)


def resizers() -> Iterator[Check]:
    """The largest difference in 255, enlarging and shrinking."""
    from scorebench_plugins.feature_extractors.resizing import resize

    for size in (32, 400):
        images = metric_data.images(8, size)
        theirs = metric_peers.clean_fid_resize(images)
        difference = np.abs(resize(torch.from_numpy(images), 299).numpy() - theirs).max()
        yield Check(f"{size} → 299 pixels, absolute, of 255, clean-fid", float(difference), 1e-3)
