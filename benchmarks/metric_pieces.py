"""What ``benchmarks.metrics`` times: for each piece a floor, ours, and the packages that have it.

A floor is the arithmetic that can't be done without, as numpy does it into fresh memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import torch

from benchmarks import metric_data, metric_peers
from benchmarks.metric_data import Array
from scorebench.metrics import Manifold, frechet_distance, gaussian_statistics, inception_score
from scorebench.metrics.kernel_distance import kernel_distance, squared_mmd

Run: TypeAlias = Callable[[], object]

COUNT, FEW, DIMENSION = 10_000, 1_000, 2048
LOGITS, CLASSES = 50_000, 1008
SUBSETS, SUBSET = 100, 1_000
IMAGES = 512
K = 3
AT_ONCE = 8  # images, as the extractors resize them on a CPU
THEIR_BATCH = 64  # torch-fidelity's default; clean-fid goes through a batch one by one


@dataclass(frozen=True)
class Piece:
    """A task for several.

    Attributes:
        title: what is computed, of what size.
        contenders: by name, "floor" and "ours" among them: what prepares (not timed) and returns
            what is timed.
        images: how many are worked on, for a rate; 0 where that is no measure.
    """

    title: str
    contenders: Mapping[str, Callable[[], Run]]
    images: int = 0


def fid(scale: float, *, count: int = COUNT, prepared: bool = True) -> Piece:
    """The floor: covariances (for N ≤ d: the product of features and a root), one d × d product."""
    d = int(DIMENSION * scale)
    reference = metric_data.features(int(COUNT * scale), d, seed=0)
    generated = metric_data.features(int(count * scale), d, seed=1, away=0.05)

    def ours(reference: Array) -> Callable[[Array], float]:
        known = gaussian_statistics(reference)
        if prepared:
            _ = known.root  # computed when first asked for
        return lambda features: frechet_distance(known, gaussian_statistics(features))

    def floor() -> Run:
        known, others = reference.astype(np.float64), generated.astype(np.float64)
        square = known.T @ known

        def few() -> None:
            others @ square

        def many() -> None:
            others.T @ others @ square

        def nothing_prepared() -> None:
            known.T @ known @ (others.T @ others)

        if not prepared:
            return nothing_prepared
        return few if len(others) <= d else many

    def task(metric: Callable[[Array], Callable[[Array], float]]) -> Run:
        if prepared:
            return partial(metric(reference), generated)
        return lambda: metric(reference)(generated)

    contenders = {name: partial(task, m) for name, m in {"ours": ours, **metric_peers.FIDS}.items()}
    how = "the reference prepared" if prepared else "nothing prepared"
    return Piece(f"FID, {how}, N = {len(generated)}, d = {d}", {"floor": floor, **contenders})


def manifold(scale: float, *, prepared: bool = True) -> Piece:
    """The floor: float32 products of both sides, and of each with itself where it has to be."""
    count, d = int(COUNT * scale), int(DIMENSION * scale)
    reference = metric_data.features(count, d, seed=0)
    generated = metric_data.features(count, d, seed=1, away=0.05)

    def ours() -> Run:
        if prepared:
            known = Manifold(reference, K)
            return lambda: known.scores(generated)
        return lambda: Manifold(reference, K).scores(generated)

    def floor() -> None:
        for side in [generated] if prepared else [generated, reference]:
            side @ side.T
        generated @ reference.T

    def theirs(peer: Callable[[Array, int], metric_peers.Manifold]) -> Run:
        return partial(peer(reference, K), generated)  # neither prepares anything

    contenders: dict[str, Callable[[], Run]] = {"floor": lambda: floor, "ours": ours}
    for name, peer in metric_peers.MANIFOLDS.items():
        contenders[name] = partial(theirs, peer)
    how = "the reference's radii kept" if prepared else "nothing kept"
    title = f"Precision, recall, density, coverage, {how}, N = {count}, d = {d}"
    return Piece(title, contenders)


def inception(scale: float) -> Piece:
    """The floor: the exponentials, in float32, over and over into the same memory."""
    logits = metric_data.logits(int(LOGITS * scale), int(CLASSES * scale))

    def floor() -> Run:
        given = torch.from_numpy(logits)
        return partial(torch.exp, given, out=torch.empty_like(given))

    metrics: dict[str, Callable[[Array], object]] = {
        "ours": inception_score,
        **metric_peers.INCEPTION_SCORES,
    }
    runs = {name: partial(_given, partial(metric, logits)) for name, metric in metrics.items()}
    title = f"Inception Score, {len(logits)} × {logits.shape[1]}"
    return Piece(title, {"floor": floor, **runs})


def kid(scale: float) -> Piece:
    """The floor: three products for each pair of subsets, in float32, those with itself halved."""
    count, d = int(COUNT * scale), int(DIMENSION * scale)
    subsets, size = max(1, int(SUBSETS * scale)), int(SUBSET * scale)
    reference = metric_data.features(count, d, seed=0)
    generated = metric_data.features(count, d, seed=1, away=0.05)

    def floor() -> None:
        x, y = reference[:size], generated[:size]
        for _ in range(subsets):
            x @ x.T
            y @ y.T
            x @ y.T

    metrics: dict[str, Callable[..., object]] = {"ours": kernel_distance, **metric_peers.KIDS}
    arguments = (reference, generated, subsets, size)
    runs = {name: partial(_given, partial(m, *arguments)) for name, m in metrics.items()}
    everything = partial(_given, partial(squared_mmd, reference, generated))
    title = f"KID, {subsets} × {size}, of {count}, d = {d}"
    return Piece(
        title, {"floor": partial(_given, floor), **runs, "ours, of all samples": everything}
    )


def resizing(scale: float) -> Piece:
    """From 32 to 299 pixels; ours and clean-fid's agree, torch-fidelity's filter is another."""
    from scorebench_plugins.feature_extractors.resizing import resize

    images = metric_data.images(int(IMAGES * scale), 32)

    def batches(resizer: Callable[[Array], object], size: int) -> Run:
        def run() -> None:
            for start in range(0, len(images), size):
                resizer(images[start : start + size])

        return run

    contenders = {"ours": partial(batches, lambda few: resize(torch.from_numpy(few), 299), AT_ONCE)}
    for name, peer in metric_peers.RESIZERS.items():
        contenders[name] = partial(batches, peer, THEIR_BATCH)
    return Piece("Resizing, 32 → 299 pixels", contenders, len(images))


def _given(run: Run) -> Run:
    """Nothing to prepare."""
    return run


PIECES: dict[str, Callable[[float], Piece]] = {
    "fid": fid,
    "fid_few": partial(fid, count=FEW),
    "fid_unprepared": partial(fid, prepared=False),
    "prdc": manifold,
    "prdc_unprepared": partial(manifold, prepared=False),
    "is": inception,
    "kid": kid,
    "resize": resizing,
}
