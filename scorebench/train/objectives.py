"""Objectives of score matching, each as one loss per sample, summed over dimensions.

``score`` is the function s_θ(x, σ) that is trained, from x ``[B, *event]`` and σ ``[B]`` to
``[B, *event]``; the mean of what is returned, ``[B]``, is what the literature's E[…] stands for.
Differentiate it with respect to θ; where the objective holds derivatives with respect to x, these
are taken here, with a graph, so that they can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from scorebench.plugin.contracts import per_sample

Score = Callable[[Tensor, Tensor], Tensor]
Weighting = Literal["sigma_squared", "none", "sigma"]


def weight(weighting: Weighting, sigma: Tensor) -> Tensor:
    """λ(σ): σ², which makes noise levels weigh about the same, as ‖s‖ is of order 1/σ; σ; or 1."""
    return sigma ** {"none": 0, "sigma": 1, "sigma_squared": 2}[weighting]


def squared_norm(x: Tensor) -> Tensor:
    """‖x‖² of every sample, ``[B]``."""
    return x.flatten(1).square().sum(1)


def fisher_divergence(score: Score, true_score: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
    """½‖s_θ(x, σ) − ∇log p_σ(x)‖² (Hyvärinen 2005, eq. 2), for x drawn from p_σ.

    Args:
        score: s_θ.
        true_score: ∇log p_σ(x), ``[B, *event]``.
        x: ``[B, *event]``.
        sigma: ``[B]``.
    """
    return squared_norm(score(x, sigma) - true_score) / 2


def implicit(score: Score, x: Tensor, sigma: Tensor) -> Tensor:
    """tr ∇s_θ(x) + ½‖s_θ(x)‖² (Hyvärinen 2005, theorem 1): Fisher divergence less a constant.

    The trace is exact, by one backward pass for each dimension: for few dimensions.

    Args:
        score: s_θ.
        x: ``[B, *event]``, drawn from p_σ.
        sigma: ``[B]``.
    """
    x = x.detach().requires_grad_()
    s = score(x, sigma)
    trace = torch.zeros_like(sigma)
    for i, column in enumerate(s.flatten(1).unbind(1)):
        (slope,) = torch.autograd.grad(column.sum(), x, create_graph=True)
        trace = trace + slope.flatten(1)[:, i]
    return trace + squared_norm(s) / 2


def sliced(score: Score, x: Tensor, sigma: Tensor, direction: Tensor) -> Tensor:
    """vᵀ∇s_θ(x)v + ½‖s_θ(x)‖² (Song et al. 2019, "Sliced score matching", eq. 8, SSM-VR).

    For v with E[vvᵀ] = I its mean over v is that of ``implicit``, at one backward pass.

    Args:
        score: s_θ.
        x: ``[B, *event]``, drawn from p_σ.
        sigma: ``[B]``.
        direction: v, ``[B, *event]``, e.g. from N(0, I).
    """
    x = x.detach().requires_grad_()
    s = score(x, sigma)
    (slope,) = torch.autograd.grad((s * direction).sum(), x, create_graph=True)
    return (slope * direction).flatten(1).sum(1) + squared_norm(s) / 2


def dsm(score: Score, x0: Tensor, sigma: Tensor, z: Tensor) -> Tensor:
    """½‖s_θ(x̃, σ) + (x̃ − x₀)/σ²‖² with x̃ = x₀ + σz (Vincent 2011, eq. 9).

    (x̃ − x₀)/σ² is z/σ. Its mean is the Fisher divergence to p_σ and a constant (ibid., appendix).

    Args:
        score: s_θ.
        x0: data, ``[B, *event]``.
        sigma: above 0, ``[B]``.
        z: from N(0, I), ``[B, *event]``.
    """
    level = per_sample(sigma, x0)
    return squared_norm(score(x0 + level * z, sigma) + z / level) / 2


def ncsn(
    score: Score, x0: Tensor, sigma: Tensor, z: Tensor, *, weighting: Weighting = "sigma_squared"
) -> Tensor:
    """λ(σ)·DSM(σ) (Song & Ermon 2019, eq. 6), for levels σ drawn uniformly from the sequence.

    Args:
        score, x0, sigma, z: as of ``dsm``.
        weighting: λ, there σ²; see ``weight``.
    """
    return weight(weighting, sigma) * dsm(score, x0, sigma, z)


def edm(denoiser: Score, x0: Tensor, sigma: Tensor, z: Tensor, *, sigma_data: float) -> Tensor:
    """λ(σ)‖D_θ(x̃, σ) − x₀‖² with λ = (σ² + σ_data²)/(σ·σ_data)² (Karras et al. 2022, eq. 8).

    The weighting makes the loss of the network inside the preconditioning the same at all levels.

    Args:
        denoiser: D_θ(x, σ), as ``score``.
        x0, sigma, z: as of ``dsm``; Karras et al. draw ln σ from a normal distribution.
        sigma_data: the data's standard deviation.
    """
    level = per_sample(sigma, x0)
    weight = (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2
    return weight * squared_norm(denoiser(x0 + level * z, sigma) - x0)
