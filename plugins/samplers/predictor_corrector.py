"""Predictor–corrector sampling: a step to the next noise level, then Langevin steps at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt

from scorebench import per_sample

from .ancestral import ancestral_split
from .down_to_zero import DownToZero

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class PredictorCorrector(DownToZero):
    """A predictor to each level, then Langevin steps whose size follows the signal-to-noise ratio.

    Song et al. 2021, "Score-based generative modeling through stochastic differential equations",
    algorithms 2 and 4: ε = 2·(r·‖z‖/‖score‖)² and x ← x + ε·score + √(2ε)·z. As published the
    norms are means over the batch, so samples depend on their neighbours; here they are each
    sample's own unless ``batch_mean`` is set, which marks the rows as coupled. In few dimensions
    a sample's own score is often near 0, which makes its step far too long: set ``batch_mean``
    there. (The published code corrects before it predicts.)
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {},
        {"predictor": "euler_ancestral", "corrector_steps": 2},
        {"batch_mean": True},
    )

    predictor: Literal["reverse_diffusion", "euler_ancestral"] = "reverse_diffusion"
    """The step to the next level: equation 46 or 47."""
    snr: Annotated[float, Gt(0)] = 0.16
    """r: signal-to-noise ratio of a corrector step."""
    corrector_steps: Annotated[int, Ge(0)] = 1
    """Corrector steps at each level; 0 is the predictor alone."""
    batch_mean: bool = False
    """Take the mean of norms over the batch, as published."""

    @property
    def coupled(self) -> bool:
        return self.batch_mean and self.corrector_steps > 0

    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """Yield the state at every level after the first."""
        for sigma, following in pairwise(sigmas):
            s, t = float(sigma), float(following)
            up = (s**2 - t**2) ** 0.5
            if self.predictor == "euler_ancestral":
                _, up = ancestral_split(s, t, eta=1.0)
            x = x + (s**2 - t**2) * model.score(x, sigma) + up * noise.normal()
            for _ in range(self.corrector_steps):
                score, z = model.score(x, following), noise.normal()
                step = self._step_size(score, z)
                x = x + step * score
                x = x + (2 * step).sqrt() * z
            yield x

    def _step_size(self, score: Tensor, z: Tensor) -> Tensor:
        """ε of algorithm 4, of a shape that multiplies x."""
        signal, random = (a.flatten(1).norm(dim=1) for a in (score, z))
        if self.batch_mean:
            signal, random = signal.mean(), random.mean()
        return per_sample(2 * (self.snr * random / signal) ** 2, score)

    def nfe(self, levels: int) -> int:
        """Per step between levels one evaluation and one per corrector step, one for the end."""
        return (levels - 1) * (1 + self.corrector_steps) + self.denoise
