"""Noise levels at some of the steps of a discrete variance-preserving diffusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def check_steps(n: int, timesteps: int) -> None:
    """Raise ValueError unless ``n`` levels can be chosen from so many time steps."""
    if n > timesteps:
        raise ValueError(f"n ({n}) must not exceed timesteps ({timesteps})")


def sigmas_at_even_steps(betas: Tensor, n: int) -> Tensor:
    """Noise levels at ``n`` time steps from the last, T−1, to the first, 0, float64 ``[n]``.

    A state √ᾱ·x₀ + √(1−ᾱ)·z, ᾱ = Π(1 − β), is in the coordinates x = x₀ + σz a state of noise
    level σ = √((1−ᾱ)/ᾱ). The time steps are evenly spaced and rounded to whole numbers, so that
    each level is one at which a network of that diffusion was trained; n ≤ T keeps them distinct.

    Args:
        betas: β of time steps 0 … T−1, float64 ``[T]``, in (0, 1).
    """
    import torch

    log_signal = torch.log1p(-betas).cumsum(0)  # log ᾱ
    steps = torch.linspace(len(betas) - 1, 0, n, dtype=torch.float64).round().long()
    return torch.expm1(-log_signal[steps]).sqrt()
