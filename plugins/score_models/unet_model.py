"""A network of diffusers as a score model: what it sees, is told of σ, and says by its output."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from scorebench import ScoreModel, UserError, per_sample

from .prediction import Coordinates, Prediction, shrinkage, to_denoised, to_score


class Timesteps:
    """The timestep t at which a variance-preserving diffusion has the noise level σ.

    The table's timestep t has σ = √((1 − ᾱ_t)/ᾱ_t), with ᾱ as in Ho et al. 2020, "Denoising
    diffusion probabilistic models", section 2. Between two of them t is linear in ln σ; outside
    the table it is that of its nearest end. Steps with ᾱ_t = 0 or 1, whose ln σ isn't finite, are
    left out.

    Args:
        alphas_cumprod: ᾱ_t in the order of t, ``[T]``.
        whole: round to the nearest timestep, for networks that have learned an embedding of each.
        device: where σ will be.

    Raises:
        UserError: ᾱ doesn't fall from step to step.
    """

    def __init__(self, alphas_cumprod: Tensor, whole: bool, device: torch.device) -> None:
        signal = alphas_cumprod.double()
        levels = ((1 - signal) / signal).log() / 2
        usable = levels.isfinite()
        if usable.sum() < 2 or not (levels[usable].diff() > 0).all():
            raise UserError("the scheduler's betas don't make σ grow from step to step")
        self.whole = whole
        self.wide = torch.float32 if device.type == "mps" else torch.float64
        self.levels = levels[usable].to(device, self.wide)
        self.steps = usable.nonzero().squeeze(1).to(device, self.wide)

    def __call__(self, sigma: Tensor) -> Tensor:
        """t, float32 or, if ``whole``, int64, of the shape of σ."""
        level = sigma.to(self.wide).log()
        right = torch.searchsorted(self.levels, level).clamp(1, len(self.levels) - 1)
        left = right - 1
        way = (level - self.levels[left]) / (self.levels[right] - self.levels[left])
        step = self.steps[left].lerp(self.steps[right], way.clamp(0, 1))
        return step.round().long() if self.whole else step.float()


class UNetModel(ScoreModel):
    """A network's output, told as score or denoiser.

    Args:
        network: from (x or x/√(1 + σ²), t or σ ``[B]``) to what it predicts, ``[B, *event]``;
            channels beyond those of x, by which some networks predict a variance, aren't used.
        prediction: what the output is.
        alphas_cumprod: ᾱ_t ``[T]``, for networks that see variance-preserving coordinates of data
            in [−1, 1]; None for those that see x itself, of data in [0, 1], and are told σ.
        whole: as of ``Timesteps``.
        event_shape, device, dtype: as of any score model.

    Raises:
        UserError: as ``Timesteps``.
    """

    def __init__(
        self,
        network: Callable[[Tensor, Tensor], Tensor],
        prediction: Prediction,
        alphas_cumprod: Tensor | None,
        whole: bool,
        event_shape: tuple[int, ...],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.network, self.prediction = network, prediction
        self.timesteps: Timesteps | None = None
        self.coordinates: Coordinates = "ve"
        self.value_range = (0.0, 1.0)
        if alphas_cumprod is not None:
            self.timesteps = Timesteps(alphas_cumprod, whole, device)
            self.coordinates, self.value_range = "vp", (-1.0, 1.0)
        self.event_shape, self.device, self.dtype = event_shape, device, dtype

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """∇ₓ log p_σ(x) for x ``[B, *event]``, with one evaluation of the network."""
        return self._told(to_score, x, sigma)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """D(x, σ) for x ``[B, *event]``, with one evaluation of the network."""
        return self._told(to_denoised, x, sigma)

    def _told(self, tell: Callable[..., Tensor], x: Tensor, sigma: Tensor) -> Tensor:
        sigma = sigma.to(x.device)  # but not to x's precision: in float16, σ² soon overflows
        level = per_sample(sigma, x)
        if self.timesteps is None:
            seen, time = x, sigma.to(torch.promote_types(x.dtype, torch.float32))
        else:
            seen, time = (shrinkage(level) * x).to(x.dtype), self.timesteps(sigma)
        output = self.network(seen, time.expand(len(x)))[:, : x.shape[1]]
        return tell(self.prediction, self.coordinates, x, output, level).to(x.dtype)
