"""A single noise level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge

from scorebench import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class Constant(NoiseSchedule):
    """One noise level, for chains that stay at it; 0 is the data itself, without blur."""

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({"sigma": 0.0}, {"sigma": 0.3})

    sigma: Annotated[float, Ge(0)]
    """The noise level σ."""

    def sigmas(self, context: Context) -> Tensor:
        """The noise level, float64 ``[1]``."""
        import torch

        return torch.tensor([self.sigma], dtype=torch.float64)
