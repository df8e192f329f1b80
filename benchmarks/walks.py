"""A walk from noise to data that every sampler takes, as a bare loop and as k-diffusion's formulas.

The model is D(x, σ) = m for all x, the exact denoiser of data that is a single point. It costs next
to nothing, so what is left is the sampler, and every solver must arrive at m.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from scorebench import ScoreModel

Draw = Callable[[], Tensor]


class Point(ScoreModel):
    """D(x, σ) = m ``[B, *event]``; counts its calls."""

    device = torch.device("cpu")
    dtype = torch.float32

    def __init__(self, m: Tensor) -> None:
        self.event_shape = tuple(m.shape[1:])
        self.m, self.calls = m, 0

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The point, whatever x and σ are."""
        self.calls += 1
        return self.m


@dataclass(frozen=True)
class Walk:
    """From σ₁·z, z ``[B, *event]``, down ``sigmas`` (float64 ``[n]``) to 0: n model calls."""

    model: Point
    sigmas: Tensor
    z: Tensor


def bare_euler(walk: Walk) -> Tensor:
    """Euler's method as a loop: floats, but for the level that the model is given."""
    levels = walk.sigmas.tolist()
    x = levels[0] * walk.z
    for sigma, (s, t) in zip(walk.sigmas[:-1], pairwise(levels), strict=True):
        x = x + (t - s) / s * (x - walk.model.denoise(x, sigma))
    return walk.model.denoise(x, walk.sigmas[-1])


def bare_dpmpp_2m(walk: Walk) -> Tensor:
    """DPM-Solver++(2M) as a loop, likewise."""
    levels = walk.sigmas.tolist()
    x, earlier, earlier_h = levels[0] * walk.z, None, 0.0
    for sigma, (s, t) in zip(walk.sigmas[:-1], pairwise(levels), strict=True):
        h = math.log(s / t)
        denoised = data = walk.model.denoise(x, sigma)
        if earlier is not None:
            data = denoised + h / (2 * earlier_h) * (denoised - earlier)
        x = data + t / s * (x - data)
        earlier, earlier_h = denoised, h
    return walk.model.denoise(x, walk.sigmas[-1])


def k_diffusion_euler(walk: Walk) -> Tensor:
    """Euler's method as k-diffusion computes it: in tensors, with a noise level for each sample.

    Without its progress bar, and without the noise that it draws at every step even where there
    is no churn: both would make it slower.
    """
    sigmas, x, ones = _k_diffusion_start(walk)
    churn, low, high = 0.0, 0.0, math.inf
    for i in range(len(sigmas) - 1):
        gamma = 0.0
        if low <= sigmas[i] <= high:
            gamma = min(churn / (len(sigmas) - 1), math.sqrt(2) - 1)
        raised = sigmas[i] * (gamma + 1)
        slope = (x - walk.model.denoise(x, raised * ones)) / raised[(...,) + (None,) * x.ndim]
        x = x + slope * (sigmas[i + 1] - raised)
    return x


def k_diffusion_dpmpp_2m(walk: Walk) -> Tensor:
    """DPM-Solver++(2M) as k-diffusion computes it: in t = −log σ, in tensors, no progress bar."""
    sigmas, x, ones = _k_diffusion_start(walk)
    earlier = None
    for i in range(len(sigmas) - 1):
        denoised = data = walk.model.denoise(x, sigmas[i] * ones)
        t, following = -sigmas[i].log(), -sigmas[i + 1].log()
        h = following - t
        if earlier is not None and sigmas[i + 1] != 0:
            r = (t + sigmas[i - 1].log()) / h
            data = (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * earlier
        x = (-following).exp() / (-t).exp() * x - (-h).expm1() * data
        earlier = denoised
    return x


def _k_diffusion_start(walk: Walk) -> tuple[Tensor, Tensor, Tensor]:
    sigmas = torch.cat([walk.sigmas, walk.sigmas.new_zeros(1)]).float()
    return sigmas, sigmas[0] * walk.z, walk.z.new_ones(len(walk.z))
