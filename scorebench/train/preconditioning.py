"""From a network's output to score and denoiser, by a vector field or by an energy's gradient."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from scorebench.plugin.contracts import per_sample

Preconditioning = Literal["edm", "noise", "none"]
Parametrisation = Literal["score", "energy"]

SMALLEST = 1e-5  # the σ that a network is told where σ is below it, as ln 0 is no number


class LearnedField(nn.Module):
    """A network F(x, c) with what surrounds it, as score s_θ(x, σ) and denoiser D_θ(x, σ).

    The network sees c = ¼ ln σ (Karras et al. 2022, table 1) and x scaled to about unit variance
    (unless ``none``). With σ_d the data's standard deviation:

    ========  =====================================================================================
    edm       D = σ_d²/(σ² + σ_d²)·x + σσ_d/√(σ² + σ_d²)·F (Karras et al. 2022, eq. 7 and table 1)
    noise     s = F/σ (Song & Ermon 2020, "Improved techniques", technique 3)
    none      s = F, and the network sees x itself (Song & Ermon 2019); the only one for σ = 0
    ========  =====================================================================================

    As an energy, E = ½‖x − D‖²/σ² (with ``none`` ½‖x − F‖²) and s = −∇E, after Salimans & Ho 2021,
    "Should EBMs model the energy or the score?", who take half the squared distance of x from a
    network's output; its integral over x needn't be known.

    Args:
        network: F, from x ``[B, *event]`` and c ``[B]`` to ``[B, *event]``.
        preconditioning: a row of the table.
        parametrisation: what of the network is the score.
        sigma_data: σ_d, the data's standard deviation.
    """

    def __init__(
        self,
        network: nn.Module,
        preconditioning: Preconditioning,
        parametrisation: Parametrisation,
        sigma_data: float,
    ) -> None:
        super().__init__()
        self.network = network
        self.preconditioning, self.parametrisation = preconditioning, parametrisation
        self.sigma_data = sigma_data

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """s_θ(x, σ) for x ``[B, *event]`` and σ ``[B]`` or ``[]``."""
        if self.parametrisation == "energy":
            return self._downhill(x, sigma)
        level, variance = per_sample(sigma, x), self.sigma_data**2
        output = self._output(x, sigma)
        match self.preconditioning:
            case "edm":
                total = level**2 + variance
                score = self.sigma_data / (level * total.sqrt()) * output - x / total
            case "noise":
                score = output / level
            case "none":
                score = output
        return score.to(x.dtype)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """D_θ(x, σ) for x ``[B, *event]`` and σ ``[B]`` or ``[]``."""
        level = per_sample(sigma, x)
        if self.parametrisation == "energy":
            return (x + level**2 * self._downhill(x, sigma)).to(x.dtype)
        return self._reconstruction(x, sigma).to(x.dtype)

    def energy(self, x: Tensor, sigma: Tensor) -> Tensor:
        """E_θ(x, σ), ``[B]``, where that is the parametrisation."""
        if self.preconditioning == "none":
            return (x - self._output(x, sigma)).flatten(1).square().sum(1) / 2
        away = (x - self._reconstruction(x, sigma)) / per_sample(sigma, x)
        return away.flatten(1).square().sum(1) / 2

    def _downhill(self, x: Tensor, sigma: Tensor) -> Tensor:
        """−∇E; with a graph while training."""
        with torch.enable_grad():
            leaf = x if x.requires_grad else x.detach().requires_grad_()
            energy = self.energy(leaf, sigma).sum()
            (slope,) = torch.autograd.grad(energy, leaf, create_graph=self.training)
        return -slope.to(x.dtype)

    def _reconstruction(self, x: Tensor, sigma: Tensor) -> Tensor:
        level, variance = per_sample(sigma, x), self.sigma_data**2
        output = self._output(x, sigma)
        match self.preconditioning:
            case "edm":
                total = level**2 + variance
                return variance / total * x + level * self.sigma_data / total.sqrt() * output
            case "noise":
                return x + level * output
            case "none":
                return x + level**2 * output

    def _output(self, x: Tensor, sigma: Tensor) -> Tensor:
        seen = x
        if self.preconditioning != "none":
            seen = x / (per_sample(sigma, x) ** 2 + self.sigma_data**2).sqrt()
        told = sigma.clamp(min=SMALLEST).log() / 4
        return self.network(  # type: ignore[no-any-return]
            seen.to(x.dtype), told.to(x.dtype).expand(len(x))
        )
