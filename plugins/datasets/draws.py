"""Exact samples of a score model that can draw them, as a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Lt

from scorebench import Data, Dataset, ScoreModelSpec, SeededNoise, UserError

if TYPE_CHECKING:
    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class Draws(Dataset):
    """Samples of a known density: what a trained model learns from, or is compared with."""

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"model": {"name": "gaussian", "mean": [0, 1]}, "samples": 100},
    )

    model: ScoreModelSpec
    """The score model that draws: a name, or a mapping with name and parameters."""
    samples: Annotated[int, Gt(0)] = 10_000
    """How many."""
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0
    """Of the draws; another one gives independent ones."""

    def load(self, context: Context) -> Data:
        """``[samples, *event]``, floats in the model's own units.

        Raises:
            UserError: the model can't draw samples.
        """
        import torch

        model = context.build(self.model).load(context.in_precision(torch.float32))
        if not hasattr(model, "draw"):
            raise UserError(f"dataset draws: model {self.model.name} can't draw exact samples")
        noise = SeededNoise(
            torch.Generator().manual_seed(self.seed),
            (self.samples, *model.event_shape),
            device=model.device,
            dtype=model.dtype,
        )
        return Data(x=model.draw(self.samples, noise), value_range=model.value_range)
