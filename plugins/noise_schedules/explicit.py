"""Noise levels as they are listed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, MinLen
from pydantic import FiniteFloat

from scorebench import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class Explicit(NoiseSchedule):
    """The noise levels that a list gives, from the first to the last."""

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({"sigmas": [10, 1, 0.1]}, {"sigmas": [0]})

    sigmas_: Annotated[list[Annotated[FiniteFloat, Ge(0)]], MinLen(1)]
    """σ₁ > … > σ_L > 0; a single level may be 0, the data without blur."""

    def __post_init__(self) -> None:
        for higher, lower in itertools.pairwise(self.sigmas_):
            if lower >= higher:
                raise ValueError(f"sigmas must strictly decrease, but {lower} follows {higher}")
        if len(self.sigmas_) > 1 and self.sigmas_[-1] == 0:
            raise ValueError("sigmas must be above 0; only a single level may be 0")

    def sigmas(self, context: Context) -> Tensor:
        """The noise levels, float64 ``[n]``."""
        import torch

        return torch.tensor(self.sigmas_, dtype=torch.float64)
