"""``python -m benchmarks.factor_mixture``: the score of 500 digits against a plain way to it.

The plain way forms x − μₖ for every component, [B, K, d]; the shipped one needs three products.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import scorebench
from benchmarks.timing import compare

COUNT = 500


def plain_score(model: Any, x: Tensor, sigma: Tensor) -> Tensor:
    """The same score with [B, K, d] in between, as one would first write it."""
    mixture = model.mixture
    a = mixture.noise + sigma**2
    away = (x - model.centre).flatten(1)[:, None] - mixture.means
    along = torch.einsum("bkd,kdr->bkr", away, mixture.bases)
    shrunk = mixture.eigenvalues / (mixture.eigenvalues + a[:, None]) * along
    pull = (away - torch.einsum("bkr,kdr->bkd", shrunk, mixture.bases)) / a[:, None]
    log_det = x[0].numel() * a.log() + (mixture.eigenvalues / a[:, None]).log1p().sum(1)
    log_ratio = mixture.weights.log() - ((away * pull).sum(2) + log_det) / 2
    score: Tensor = -(log_ratio.softmax(1)[:, :, None] * pull).sum(1)
    return score.reshape(x.shape)


def main() -> None:
    """Print both times, after making sure that both give the same score."""
    torch.set_num_threads(1)
    model = scorebench.load("score_model", "factor_mixture", dataset="digits")
    x = torch.rand(COUNT, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    sigma = torch.tensor(0.5)
    torch.testing.assert_close(
        model.score(x, sigma), plain_score(model, x, sigma), rtol=1e-3, atol=1e-3
    )
    found = compare(lambda: model.score(x, sigma), lambda: plain_score(model, x, sigma), rounds=200)
    ours = found.floor * found.ratio
    print(f"The score of {COUNT} digits under factor_mixture, one thread")
    print(
        f"  {ours * 1e3:.2f} ms against {found.floor * 1e3:.2f} ms: {1 / found.ratio:.1f} × faster"
    )


if __name__ == "__main__":
    main()
