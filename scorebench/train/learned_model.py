"""A trained network as a score model."""

from __future__ import annotations

import torch
from torch import Tensor

from scorebench.plugin.contracts import ScoreModel
from scorebench.train.preconditioning import LearnedField


class LearnedModel(ScoreModel):
    """Score and denoiser of a trained network, at any noise level.

    Between the levels it was trained at the network interpolates; beyond them, or where it was
    trained at a single one, what it says of others is a guess.

    Args:
        field: the network inside its preconditioning.
        event_shape, value_range: of the data it was trained on.
        device, dtype: where it is to compute and in what precision.
    """

    def __init__(
        self,
        field: LearnedField,
        event_shape: tuple[int, ...],
        value_range: tuple[float, float] | None,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.field = field.to(device, self.inside(dtype)).eval().requires_grad_(False)
        self.event_shape, self.value_range = event_shape, value_range
        self.device, self.dtype = device, dtype

    @staticmethod
    def inside(dtype: torch.dtype) -> torch.dtype:
        """The precision that the network computes in where the model is to have ``dtype``."""
        return dtype

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """s_θ(x, σ), an estimate of ∇ₓ log p_σ(x), for x ``[B, *event]``."""
        return self.field.score(x, sigma.to(x.device))

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """D_θ(x, σ), an estimate of E[x₀ | x], for x ``[B, *event]``."""
        return self.field.denoise(x, sigma.to(x.device))


class LearnedEnergyModel(LearnedModel):
    """A trained energy, of which the density is known up to a factor at every noise level.

    In half precision x − D would be rounding error where σ is small: the network computes in
    float32 at least.
    """

    @staticmethod
    def inside(dtype: torch.dtype) -> torch.dtype:
        """float32, or ``dtype`` where that is wider."""
        return torch.promote_types(dtype, torch.float32)

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """−∇E_θ(x, σ) for x ``[B, *event]``."""
        return super().score(x.to(self.inside(x.dtype)), sigma).to(x.dtype)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """x − σ²·∇E_θ(x, σ) for x ``[B, *event]``."""
        return super().denoise(x.to(self.inside(x.dtype)), sigma).to(x.dtype)

    def log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        """−E_θ(x, σ), which is log p_σ(x) up to a constant of σ, ``[B]``."""
        with torch.no_grad():
            wide = x.to(self.inside(x.dtype))
            return -self.field.energy(wide, sigma.to(x.device)).to(x.dtype)
