"""A mixture of low-rank Gaussians fitted to a dataset: a realistic model with an exact score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from scorebench import DatasetSpec, ScoreModel, UserError, per_sample

from .value_range import ValueRange

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from scorebench import Context, Data, Noise

    from .low_rank_mixture import LowRankMixture

BLOCK = 4096  # samples converted to float64 at a time


@dataclass(frozen=True, kw_only=True)
class FactorMixture:
    """A mixture of Σₖ = Vₖ diag(λₖ) Vₖᵀ + ψₖI fitted to a dataset by maximum likelihood.

    Looks like the data (digits are legible), and yet its score, denoiser, density and samples are
    exact at every noise level. Nothing needs to be trained or downloaded, and what separates a
    sampler's output from the model's own samples is the sampler's error alone.

    Fitted once by EM (Tipping & Bishop 1999, "Mixtures of probabilistic principal component
    analyzers"), then kept in the cache. Of samples with many dimensions the 128 leading principal
    directions are modelled, or 2r if that is more, and the others as isotropic noise.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({"dataset": "digits"},)

    components: Annotated[int, Gt(0)] = 20
    """Number of Gaussians K; those that EM leaves with too few samples are dropped."""
    rank: Annotated[int, Ge(0)] = 12
    """Directions r in which a Gaussian varies beyond its isotropic noise."""
    dataset: DatasetSpec | None = None
    """What it is fitted to: a dataset's name, or a mapping with name and parameters; the suite's
    own where not given."""
    value_range: ValueRange = (-1.0, 1.0)
    """What the 0 to 255 of images become; samples that aren't images are taken as they are."""
    iterations: Annotated[int, Gt(0)] = 100
    """Steps of EM at most; it ends earlier when it has converged."""
    seed: int = 0
    """Seed of the initial centres of EM."""

    def load(self, context: Context) -> FactorMixtureModel:
        """The model, fitted now or on an earlier occasion.

        Raises:
            UserError: the dataset has too few samples or dimensions for the parameters, or its
                samples are all equal or not finite.
        """
        import torch

        from .low_rank_mixture import LowRankMixture

        data = context.dataset(self.dataset)
        fitted = context.cached(self, data, lambda: self._fit(data))
        tensors = {
            name: torch.tensor(array, dtype=context.dtype, device=context.device)
            for name, array in fitted.items()
        }
        centre = tensors.pop("centre")
        return FactorMixtureModel(
            centre.reshape(data.event_shape),
            LowRankMixture(**tensors, dimension=centre.numel()),
            self.value_range if _holds_images(data) else data.value_range,
        )

    def _fit(self, data: Data) -> dict[str, NDArray[np.float64]]:
        from .factor_analysis import fit

        dimension, least = math.prod(data.event_shape), self.components * (2 * self.rank + 1)
        if self.rank >= dimension:
            raise UserError(f"factor_mixture: rank {self.rank} isn't below {dimension} dimensions")
        if len(data) < least:
            raise UserError(
                f"factor_mixture: {self.components} components of rank {self.rank} need {least} "
                f"samples, the dataset has {len(data)}"
            )

        def blocks() -> Iterator[Tensor]:
            low, high = self.value_range
            for block in data.batches(BLOCK):
                flat = block.flatten(1).double()
                if not flat.isfinite().all():
                    raise UserError("factor_mixture: the dataset holds values that aren't finite")
                yield low + (high - low) / 255 * flat if _holds_images(data) else flat

        centre, mixture = fit(blocks, self.components, self.rank, self.iterations, self.seed)
        parameters = ("weights", "means", "bases", "eigenvalues", "noise")
        fitted = {name: getattr(mixture, name).numpy() for name in parameters}
        return {"centre": centre.numpy(), **fitted}


def _holds_images(data: Data) -> bool:
    import torch

    return data.x.dtype == torch.uint8


class FactorMixtureModel(ScoreModel):
    """A mixture of low-rank Gaussians; any noise level costs two products with all directions.

    Args:
        centre: what is added to the mixture's vectors to make events, ``[*event]``.
        mixture: of vectors ``[d]``, flattened events less the centre.
        value_range: bounds of the data, None where unbounded.
    """

    def __init__(
        self,
        centre: Tensor,
        mixture: LowRankMixture,
        value_range: tuple[float, float] | None,
    ) -> None:
        self.centre, self.mixture = centre, mixture
        self.event_shape, self.value_range = tuple(centre.shape), value_range
        self.device, self.dtype = centre.device, centre.dtype

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """−Σₖ rₖ(x)·(Σₖ + σ²I)⁻¹(x − μₖ) for x ``[B, *event]``, at any σ ≥ 0.

        rₖ(x) is the posterior probability of component k.
        """
        flat, _, precisions, pull = self._posterior(x, sigma)
        return (pull - precisions.sum(1, keepdim=True) * flat).reshape(x.shape)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Σₖ rₖ(x)·(μₖ + Σₖ(Σₖ + σ²I)⁻¹(x − μₖ)) for x ``[B, *event]``, at any σ ≥ 0."""
        flat, variance, precisions, pull = self._posterior(x, sigma)
        kept = precisions @ self.mixture.noise[:, None]
        return self.centre + (kept * flat + variance * pull).reshape(x.shape)

    def log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        """log Σₖ wₖ·N(x; μₖ, Σₖ + σ²I) in nats, ``[B]``, for x ``[B, *event]``."""
        flat, energy, variance = self._flattened(x, sigma)
        ratios, _ = self.mixture.evaluate(flat, energy, variance)
        reference = self.mixture.log_reference(energy, variance)
        return (ratios.logsumexp(1, keepdim=True) + reference).squeeze(1)

    def draw(self, count: int, noise: Noise) -> Tensor:
        """``count`` exact samples of the data, ``[count, *event]``: a component, then a point."""
        uniform = noise.uniform()[:count].flatten(1)[:, 0]
        centred = self.mixture.draw(uniform, noise.normal()[:count].flatten(1))
        return self.centre + centred.reshape(-1, *self.event_shape)

    def _flattened(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x less the centre ``[B, d]``, its squared length ``[B, 1]``, and σ²."""
        flat = (x - self.centre).flatten(1)
        variance = per_sample(sigma, flat).to(x.dtype) ** 2
        return flat, flat.square().sum(1, keepdim=True), variance

    def _posterior(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What score and denoiser share: with a = ψ + σ², p = r/a and y = Vᵀ(x − m).

        Returns:
            x less the centre ``[B, d]``, σ², p ``[B, K]`` and Σₖ pₖ·(mₖ + Vₖ·λ/(λ + a)·y)
            ``[B, d]``.
        """
        flat, energy, variance = self._flattened(x, sigma)
        ratios, shrunk = self.mixture.evaluate(flat, energy, variance)
        precisions = ratios.softmax(1) / (self.mixture.noise + variance)
        return flat, variance, precisions, self.mixture.combine(precisions, shrunk)
