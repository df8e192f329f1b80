"""What metrics of the score model itself share: the noise levels at which they look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, MinLen
from pydantic import FiniteFloat

import scorebench

if TYPE_CHECKING:
    from scorebench import Evidence, ScoreModel

MOST = 20  # levels of a schedule that are looked at


@dataclass(frozen=True, kw_only=True)
class AtNoiseLevels(scorebench.Metric):
    """A metric of the model that was sampled, at given noise levels or at those of the schedule.

    Attributes:
        summaries: the columns over all levels. Levels that are given each get a column too, named
            by the first of these and the level in up to six digits, with p for the point and m for
            the minus of an exponent: at 0.05 it is ``…_0p05``, at 0.00001 ``…_1em05``.
    """

    needs = frozenset({"model"})
    summaries: ClassVar[Sequence[str]]

    sigmas: Annotated[list[Annotated[FiniteFloat, Gt(0)]], MinLen(1)] | None = None
    """The noise levels σ, each with a column of its own. Where not given, those of the cell's
    schedule, of which at most 20 are used: evenly chosen by number, the first and last included."""
    seed: Annotated[int, Ge(0)] = 0
    """Seed of all draws and noise, which are the same at every level and in every cell."""

    def __post_init__(self) -> None:
        names = self._level_columns()
        for index, name in enumerate(names):
            if name in names[:index]:
                raise ValueError(f"two of the noise levels would both be column {name}")

    @property
    def better(self) -> Mapping[str, Literal["lower", "higher"]]:
        return dict.fromkeys((*self.summaries, *self._level_columns()), "lower")

    def levels(self, generated: Evidence) -> list[float]:
        """The noise levels to look at."""
        if self.sigmas is not None:
            return self.sigmas
        assert generated.sigmas is not None
        walked = generated.sigmas
        chosen = np.linspace(0, len(walked) - 1, min(MOST, len(walked))).round().astype(int)
        return [float(sigma) for sigma in walked[chosen]]

    def by_level(self, values: Sequence[float]) -> dict[str, float]:
        """One value for each level, as columns; none where the levels are the schedule's."""
        return dict(zip(self._level_columns(), values, strict=self.sigmas is not None))

    def _level_columns(self) -> list[str]:
        first = self.summaries[0]
        digits = (f"{sigma:g}" for sigma in self.sigmas or ())
        named = str.maketrans({".": "p", "-": "m", "+": None})
        return [f"{first}_{digit.translate(named)}" for digit in digits]


def check_shape(metric: str, what: str, shape: Sequence[int], model: ScoreModel) -> None:
    """Raise UserError unless these are samples of the model's shape."""
    if tuple(shape) != tuple(model.event_shape):
        raise scorebench.UserError(
            f"{metric}: {what} has samples of shape {list(shape)}, but those of the model are "
            f"{list(model.event_shape)}"
        )
