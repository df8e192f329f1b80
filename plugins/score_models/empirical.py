"""A dataset itself as a score model: the exact score of its samples blurred by noise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Gt

from scorebench import DatasetSpec, ScoreModel, UserError, per_sample

from .value_range import ValueRange

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context, Data, Noise

READ = 4096  # samples converted to float64 at a time
LEAST = -80.0  # a log-weight as good as −∞; what follows from smaller ones is slow to compute


@dataclass(frozen=True, kw_only=True)
class Empirical:
    """A point mass at each sample of a dataset: what a network trained to perfection would learn.

    Blurred by N(0, σ²I) it is a mixture of N Gaussians, whose denoiser is the mean of the samples,
    weighted by how likely each has led to x (Karras et al. 2022, "Elucidating the design space of
    diffusion-based generative models", appendix B.3, eq. 57). Walked down to small σ, samplers
    find the dataset's own samples. At σ = 0 it has neither score nor density.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({"dataset": "digits", "subset": 200},)

    dataset: DatasetSpec | None = None
    """Whose samples: a dataset's name, or a mapping with name and parameters; the suite's own
    where not given."""
    subset: Annotated[int, Gt(0)] | None = None
    """Use only that many samples, chosen at random; all where not given."""
    seed: int = 0
    """Seed of the choice of a subset."""
    value_range: ValueRange = (-1.0, 1.0)
    """What the 0 to 255 of images become; samples that aren't images are taken as they are."""
    block: Annotated[int, Gt(0)] = 1024
    """Samples that a batch is compared with at a time: bounds the memory, changes no result."""

    def load(self, context: Context) -> EmpiricalModel:
        """The exact model.

        Raises:
            UserError: the dataset is empty, smaller than the subset, or holds values that aren't
                finite.
        """
        import torch

        data = context.dataset(self.dataset)
        if len(data) < (self.subset or 1):
            raise UserError(
                f"empirical: {self.subset or 1} samples are needed, the dataset has {len(data)}"
            )
        total: Any = sum(block.sum(0) for block in self._blocks(data))
        centre = (total / (self.subset or len(data))).to(context.dtype)
        precision = torch.promote_types(context.dtype, torch.float32)
        points = [(block - centre).to(precision) for block in self._blocks(data)]
        return EmpiricalModel(
            torch.cat(points).to(context.device),
            centre.reshape(data.event_shape).to(context.device),
            self.value_range if data.x.dtype == torch.uint8 else data.value_range,
            self.block,
        )

    def _blocks(self, data: Data) -> Iterator[Tensor]:
        """The chosen samples in order, float64 ``[n, d]``."""
        import torch

        generator = torch.Generator().manual_seed(self.seed)
        chosen = torch.zeros(len(data), dtype=torch.bool)
        chosen[torch.randperm(len(data), generator=generator)[: self.subset]] = True
        low, high = self.value_range
        for block, kept in zip(data.batches(READ), torch.split(chosen, READ), strict=True):
            flat = block[kept].flatten(1).double()
            if not flat.isfinite().all():
                raise UserError("empirical: the dataset holds values that aren't finite")
            yield low + (high - low) / 255 * flat if data.x.dtype == torch.uint8 else flat


class EmpiricalModel(ScoreModel):
    """The mean of N(yᵢ, σ²I) over N points, evaluated a block of points at a time.

    Beyond the points themselves a batch of B needs memory for B·(block + d) + block·d numbers.
    Distances are float64, where the device has it: float32 rounds ‖y‖² − 2x·y by more than the 2σ²
    it is divided by when σ is small, and so gives the weight to the wrong points.

    Args:
        points: yᵢ, flattened and less the centre, ``[N, d]``; at least float32.
        centre: ``[*event]``, in the model's precision.
        value_range: bounds of the data, None where unbounded.
        block: points that a batch is compared with at a time.
    """

    def __init__(
        self,
        points: Tensor,
        centre: Tensor,
        value_range: tuple[float, float] | None,
        block: int,
    ) -> None:
        import torch

        self.points, self.centre = points, centre
        self.event_shape, self.value_range = tuple(centre.shape), value_range
        self.device, self.dtype = centre.device, centre.dtype
        self.wide = torch.float32 if self.device.type == "mps" else torch.float64
        blocks = torch.split(points, block)
        self.blocks = [(y, y.to(self.wide).square().sum(1) / 2) for y in blocks]

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Σᵢ softmax(−‖x − yᵢ‖²/2σ²)·yᵢ for x ``[B, *event]``.

        Raises:
            UserError: σ is 0.
        """
        _, total, pulled = self._posterior(x, sigma)
        return (self.centre + (pulled / total).reshape(x.shape)).to(x.dtype)

    def log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        """log (1/N)·Σᵢ N(x; yᵢ, σ²I) in nats, ``[B]``, for x ``[B, *event]``.

        Raises:
            UserError: σ is 0.
        """
        least, total, _ = self._posterior(x, sigma)
        variance = sigma.to(self.wide) ** 2
        log_sum = total.squeeze(1).log() - least.squeeze(1) / variance
        constant = (2 * math.pi * variance).log() * (self.points.shape[1] / 2)
        return (log_sum - constant - math.log(len(self.points))).to(x.dtype)

    def draw(self, count: int, noise: Noise) -> Tensor:
        """``count`` samples of the data, ``[count, *event]``, each point as likely as any other."""
        uniform = noise.uniform()[:count].flatten(1)[:, 0].to(self.wide)
        index = (uniform * len(self.points)).long()
        points = self.points[index].reshape(-1, *self.event_shape)
        return (self.centre + points).to(self.dtype)

    def _posterior(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What denoiser and density share, by a softmax whose shift m follows the nearest point.

        Returns:
            m = minᵢ ‖x − yᵢ‖²/2 and Σᵢ wᵢ, both ``[B, 1]``, and Σᵢ wᵢ·yᵢ ``[B, d]``, where wᵢ is
            exp((m − ‖x − yᵢ‖²/2)/σ²).
        """
        import torch

        if not sigma.all():
            raise UserError("empirical: samples have no score at σ = 0; end the schedule above 0")
        flat = (x.to(self.wide) - self.centre).flatten(1)
        variance = per_sample(sigma, flat).to(flat) ** 2
        energy = flat.square().sum(1, keepdim=True) / 2
        least, total = torch.full_like(energy, math.inf), torch.zeros_like(energy)
        pulled = torch.zeros_like(flat)
        for points, energies in self.blocks:
            halves = energy + energies - flat @ points.to(self.wide).mT
            nearest = least.minimum(halves.amin(1, keepdim=True))
            kept = ((nearest - least) / variance).exp()
            share = ((nearest - halves) / variance).to(points.dtype).clamp(min=LEAST).exp()
            total = kept * total + share.sum(1, keepdim=True)
            pulled = kept * pulled + share @ points
            least = nearest
        return least, total, pulled
