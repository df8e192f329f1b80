"""The samples themselves as features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scorebench import FeatureExtractor, Features

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class Identity(FeatureExtractor):
    """Compare samples as they are: for data of few dimensions, where distances mean something."""

    def load(self, context: Context) -> Callable[[Tensor], Features]:
        """Vectors are the flattened samples ``[B, d]``; there are no logits.

        Images (uint8) are scaled to [0, 1] in float32. Other samples keep their values and
        precision, or have float32 if theirs is lower.
        """
        return _flatten


def _flatten(batch: Tensor) -> Features:
    import torch

    vectors = batch.flatten(1).to(torch.promote_types(batch.dtype, torch.float32))
    return Features(vectors / 255 if batch.dtype == torch.uint8 else vectors)
