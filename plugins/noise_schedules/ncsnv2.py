"""Noise levels chosen by the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le

from scorebench import DatasetSpec, NoiseSchedule, UserError
from scorebench_plugins.score_models.value_range import ValueRange

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context, Data


@dataclass(frozen=True, kw_only=True)
class NCSNv2(NoiseSchedule):
    """Geometric levels from the largest distance in the data, as dense as its dimension asks for.

    Song & Ermon 2020, "Improved techniques for training score-based generative models". Technique
    1: σ₁ is the largest Euclidean distance of two samples, so that noise alone leads from any mode
    to any other. Technique 2: the ratio γ of neighbours solves Φ(√(2D)(γ−1) + 3γ) −
    Φ(√(2D)(γ−1) − 3γ) = C in D dimensions; the number of levels is the smallest that keeps it.
    The distance is found once per dataset, then kept in the cache. One level is σ₁ alone.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({"dataset": "digits"},)

    dataset: DatasetSpec | None = None
    """Whose samples: a dataset's name, or a mapping with name and parameters; the suite's own
    where not given."""
    n: Annotated[int, Ge(1), Le(1_000_000)] | None = None
    """Number of noise levels; by Technique 2 where not given."""
    sigma_min: Annotated[float, Gt(0)] = 0.01
    """Last and smallest noise level σ_L."""
    overlap: Annotated[float, Gt(0), Le(0.99)] = 0.5
    """C: what neighbouring levels share, not used where n is given."""
    value_range: ValueRange = (-1.0, 1.0)
    """What the 0 to 255 of images become, as of the model; the paper's own is [0, 1], where levels
    are half as large. Samples that aren't images are taken as they are."""

    def sigmas(self, context: Context) -> Tensor:
        """The noise levels, float64 ``[n]``.

        Raises:
            UserError: no distance in the data exceeds sigma_min, or the data has up to four
                dimensions, where Technique 2 has no answer, and n isn't given.
        """
        import torch

        data = context.dataset(self.dataset)
        sigma_max = self._largest_distance(data, context)
        if self.sigma_min >= sigma_max and self.n != 1:
            raise UserError(
                f"ncsnv2: sigma_min ({self.sigma_min}) must be below the largest distance in the "
                f"data ({sigma_max:.4g})"
            )
        n = self.n or self._count(sigma_max, math.prod(data.event_shape))
        fraction = torch.linspace(0, 1, n, dtype=torch.float64)
        return sigma_max * (self.sigma_min / sigma_max) ** fraction

    def _largest_distance(self, data: Data, context: Context) -> float:
        import numpy as np
        import torch

        from scorebench.levels import largest_distance

        # Kept under a schedule without parameters: none of them enters, so all can share it.
        kept = context.cached(NCSNv2(), data, lambda: {"d": np.array([largest_distance(data.x)])})
        low, high = self.value_range
        scale = (high - low) / 255 if data.x.dtype == torch.uint8 else 1.0
        return scale * float(kept["d"][0])

    def _count(self, sigma_max: float, dimension: int) -> int:
        from scorebench.levels import count_levels, ratio_for_overlap

        ratio = ratio_for_overlap(dimension, self.overlap)
        if math.isinf(ratio):
            raise UserError(
                f"ncsnv2: in {dimension} dimensions levels overlap whatever their ratio; give n"
            )
        return count_levels(sigma_max, self.sigma_min, ratio)
