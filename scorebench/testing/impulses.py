"""What a sampler does to Gaussian data, exactly: its response to each number it draws."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from scorebench.plugin.contracts import Noise, Sampler, ScoreModel

TRIALS = 4


class _Rows(Noise):
    """Hands out given numbers: draw k is ``draws[:, k]`` in all coordinates of each row."""

    def __init__(self, draws: Tensor, dimension: int) -> None:
        self.draws, self.dimension, self.drawn = draws, dimension, 0
        self.uniforms: list[int] = []

    def normal(self) -> Tensor:
        draw = self.draws[:, self.drawn, None].expand(-1, self.dimension).clone()
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
    """The last state of a sampler as offset + Σₖ gainsₖ·zₖ, coordinate by coordinate.

    Attributes:
        offset: ``[d]``, the state when every draw is 0.
        gains: ``[draws, d]``.
        spread: variance of each draw ``[draws]``: 1, or 1/12 if it is uniform.
        centre: mean of each draw ``[draws]``: 0, or 1/2 if it is uniform.
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
        return self.offset + self.centre @ self.gains

    @property
    def std(self) -> Tensor:
        """Their exact standard deviation, ``[d]``; coordinates are independent."""
        return (self.spread @ self.gains.square()).sqrt()


def response(sampler: Sampler, model: ScoreModel, sigmas: Tensor) -> Response:
    """Send an impulse in each draw, and a few other draws to see if the sampler is affine.

    Args:
        sampler: any.
        model: of data whose score is affine, with ``event_shape`` ``(d,)``.
        sigmas: noise levels, float64 ``[n]``.
    """
    (dimension,) = model.event_shape
    count = _Count(dimension)
    _last(sampler, model, sigmas, count)
    generator = torch.Generator().manual_seed(0)
    others = 3 * torch.randn(TRIALS, count.drawn, generator=generator, dtype=torch.float64)
    rows = _Rows(
        torch.cat([torch.zeros(1, count.drawn), torch.eye(count.drawn), others]), dimension
    )
    x = _last(sampler, model, sigmas, rows)
    uniform = torch.zeros(count.drawn, dtype=torch.float64)
    uniform[rows.uniforms] = 1
    # What was handed out: uniform numbers lie in [0, 1), so an impulse was cut to 0.99.
    scale = 1 - 0.01 * uniform
    others = torch.where(uniform > 0, others.abs().clamp(0, 0.99), others)
    offset, gains = x[0], (x[1 : 1 + count.drawn] - x[0]) / scale[:, None]
    misfit = (x[1 + count.drawn :] - offset - others @ gains).abs().max() / x.abs().max()
    return Response(offset, gains, 1 - 11 / 12 * uniform, uniform / 2, float(misfit))


def _last(sampler: Sampler, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Tensor:
    with torch.no_grad():
        *_, x = sampler.trajectory(model, sigmas, noise)
    return x
