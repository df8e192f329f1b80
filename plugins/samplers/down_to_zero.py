"""What samplers share that step from noise level to noise level and end in a denoised state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from scorebench import Reading, Sampler

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Noise, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DownToZero(Sampler):
    """A start from N(0, σ₁²I), steps from level to level, and at the end D(x, σ_L).

    That last step is Euler's to σ = 0, or that of the reverse SDE without its noise.

    Attributes:
        evaluations_per_step: of the model.
    """

    evaluations_per_step: ClassVar[int] = 1

    denoise: bool = True
    """End with the step to σ = 0, which is D(x, σ_L)."""

    @abstractmethod
    def descend(
        self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise
    ) -> Iterator[Tensor]:
        """From x at the first level, yield the state at every following one."""

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Yield the state at every noise level, then at 0 if ``denoise``."""
        x = self.start(model, sigmas[0], noise)
        yield x
        following = self.descend(x, model, sigmas, noise)
        for x in following:
            yield x
        if self.denoise:
            yield self.end(x, model, sigmas, noise)

    def end(self, x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Tensor:
        """The state at σ = 0, from that at the last level."""
        return model.denoise(x, sigmas[-1])

    def reading(self) -> Reading:
        """The state at the last level, then at 0 if ``denoise``, which ``descend`` mustn't heed."""
        walk = replace(self, denoise=False)
        return Reading(walk, walk, end=self.end if self.denoise else None)

    def nfe(self, levels: int) -> int:
        """So many evaluations per step between levels, one for the step to 0."""
        return self.evaluations_per_step * (levels - 1) + self.denoise

    def gains(
        self, sigmas: Sequence[float], variance: float
    ) -> Iterable[tuple[float, float]] | None:
        """The steps between levels in a closed form, where there is one."""
        return None

    def closed_form(
        self, sigmas: Sequence[float], variance: float
    ) -> Iterable[tuple[float, float]] | None:
        """The start, the steps between levels, the step to 0."""
        gains = self.gains(sigmas, variance)
        if gains is None:
            return None
        end = [(variance / (variance + sigmas[-1] ** 2), 0.0)] if self.denoise else []
        return [(0.0, sigmas[0]), *gains, *end]
