"""What a sampler does to Gaussian data, exactly: its response to each number it draws."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from scorebench.plugin.contracts import Noise, Sampler, ScoreModel

TRIALS = 4


class _Rows(Noise):
    """Hands out given numbers: draw k is ``draws[:, k]``, of ``[rows, draws, d]``."""

    def __init__(self, draws: Tensor) -> None:
        self.draws, self.drawn = draws, 0
        self.uniforms: list[int] = []

    def normal(self) -> Tensor:
        draw = self.draws[:, self.drawn].clone()
        self.drawn += 1
        return draw

    def uniform(self) -> Tensor:
        self.uniforms.append(self.drawn)
        return self.normal().abs().clamp(0, 0.99)


class _Count(Noise):
    """One row of zeros after the other, counted."""

    def __init__(self, dimension: int) -> None:
        self.zeros, self.drawn = torch.zeros(1, dimension, dtype=torch.float64), 0

    def normal(self) -> Tensor:
        self.drawn += 1
        return self.zeros.clone()

    def uniform(self) -> Tensor:
        return self.normal()


@dataclass(frozen=True)
class Response:
    """The last state of a sampler as offset + Σₖ gainsₖᵀ·zₖ, zₖ being the k-th vector drawn.

    Attributes:
        offset: ``[d]``, the state when every draw is 0.
        gains: ``[draws, d, d]``: of each number drawn in each coordinate of the state.
        spread: variance of the numbers of each draw ``[draws]``: 1, or 1/12 if they are uniform.
        centre: their mean ``[draws]``: 0, or 1/2 if they are uniform.
        misfit: by how much the state at other draws differs from this, relative to its size; not
            near 0 for a sampler that isn't affine.
    """

    offset: Tensor
    gains: Tensor
    spread: Tensor
    centre: Tensor
    misfit: float

    @property
    def mean(self) -> Tensor:
        """The exact mean of the samples, ``[d]``."""
        return self.offset + torch.einsum("k,kji->i", self.centre, self.gains)

    @property
    def covariance(self) -> Tensor:
        """Their exact covariance, ``[d, d]``."""
        return torch.einsum("k,kji,kjl->il", self.spread, self.gains, self.gains)

    @property
    def std(self) -> Tensor:
        """Their exact standard deviation in each coordinate, ``[d]``."""
        return self.covariance.diagonal().sqrt()


def response(sampler: Sampler, model: ScoreModel, sigmas: Tensor) -> Response:
    """Send an impulse in each number drawn, and a few other draws to see if the sampler is affine.

    Args:
        sampler: any.
        model: of data whose score is affine, with ``event_shape`` ``(d,)``.
        sigmas: noise levels, float64 ``[n]``.
    """
    (d,) = model.event_shape
    count = _Count(d)
    _last(sampler, model, sigmas, count)
    draws = count.drawn
    generator = torch.Generator().manual_seed(0)
    others = 3 * torch.randn(TRIALS, draws, d, generator=generator, dtype=torch.float64)
    impulses = torch.eye(draws * d, dtype=torch.float64).reshape(-1, draws, d)
    rows = _Rows(torch.cat([torch.zeros(1, draws, d), impulses, others]))
    x = _last(sampler, model, sigmas, rows)
    uniform = torch.zeros(draws, dtype=torch.float64)
    uniform[rows.uniforms] = 1
    # What was handed out: uniform numbers lie in [0, 1), so an impulse was cut to 0.99.
    others = torch.where(uniform[:, None] > 0, others.abs().clamp(0, 0.99), others)
    offset = x[0]
    gains = (x[1:-TRIALS] - offset).reshape(draws, d, d) / (1 - 0.01 * uniform)[:, None, None]
    predicted = offset + torch.einsum("tkj,kji->ti", others, gains)
    misfit = (x[-TRIALS:] - predicted).abs().max() / x.abs().max()
    return Response(offset, gains, 1 - 11 / 12 * uniform, uniform / 2, float(misfit))


def _last(sampler: Sampler, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Tensor:
    with torch.no_grad():
        *_, x = sampler.trajectory(model, sigmas, noise)
    return x
