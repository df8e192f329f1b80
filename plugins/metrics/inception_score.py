"""The Inception Score of generated samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge

import scorebench
from scorebench.metrics import inception_score

if TYPE_CHECKING:
    import numpy as np

    from scorebench import Context, Evidence


@dataclass(frozen=True, kw_only=True)
class InceptionScore(scorebench.Metric):
    """exp(E_x KL(p(y|x) ‖ p(y))) of a classifier's predictions (Salimans et al. 2016).

    As published: the samples, in their order, are cut into contiguous splits, at the numbers iN/
    splits rounded down; p(y) is the mean prediction within a split; ``inception_score`` and
    ``inception_score_std`` are the mean and the population standard deviation over splits. Between
    1 and the number of classes. It is biased downwards when a split has few samples: published
    values are of 50,000 samples in 10 splits, on the logits of one certain network, which others'
    aren't comparable with. The reference isn't looked at.
    """

    needs: ClassVar[frozenset[Literal["logits"]]] = frozenset({"logits"})
    compares: ClassVar[bool] = False
    better: ClassVar[Mapping[str, Literal["lower", "higher"]]] = {"inception_score": "higher"}

    splits: Annotated[int, Ge(1)] = 10
    """Number of parts that the samples are cut into."""

    @property
    def minimum_samples(self) -> int:
        return self.splits

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        return {}

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        assert generated.logits is not None
        mean, std = inception_score(generated.logits, self.splits)
        return {"inception_score": mean, "inception_score_std": std}
