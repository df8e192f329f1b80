"""Models that watch a sampler, or put it to the test."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from scorebench.plugin.contracts import ScoreModel
from scorebench.testing.exact_models import ExactMixture


@dataclass
class Witness(ScoreModel):
    """A model that keeps what it was given and what it gave, beside copies of them."""

    model: ExactMixture
    seen: list[tuple[str, Tensor, Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.event_shape, self.value_range = self.model.event_shape, None
        self.device, self.dtype = self.model.device, self.model.dtype

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self._seen(x, self.model.score(x, sigma))

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self._seen(x, self.model.denoise(x, sigma))

    def log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self._seen(x, self.model.log_prob(x, sigma))

    def _seen(self, x: Tensor, result: Tensor) -> Tensor:
        self.seen.append(("a state given to the model", x, x.clone()))
        self.seen.append(("what the model returned", result, result.clone()))
        return result


@dataclass
class Breaking(ExactMixture):
    """A model whose score is not a number from its second evaluation on."""

    calls: int = 0

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.calls += 1
        return super().score(x, sigma) * (torch.nan if self.calls > 1 else 1)
