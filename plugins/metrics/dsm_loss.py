"""How well a model denoises data that it hasn't seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from scorebench import DatasetSpec, UserError

from .at_noise_levels import AtNoiseLevels, check_shape

if TYPE_CHECKING:
    from scorebench import Context, Evidence, ScoreModel


@dataclass(frozen=True, kw_only=True)
class DSMLoss(AtNoiseLevels):
    """Denoising score matching loss L(σ) = ½E‖σ·s(x₀ + σz, σ) + z‖²/d on held-out data x₀.

    Vincent 2011; Song & Ermon 2019, eq. 5, weighted by λ(σ) = σ², per dimension of d, z from
    N(0, I). It needs no known score, but its smallest value isn't 0: it is ½·s²/(s² + σ²) on
    N(0, s²I), and so within 0 and ½ at the optimum; a score of 0 has ½. Two models differ in it by
    as much as in ``score_error``. ``dsm_loss`` is the mean over the levels; those that are given
    have columns too, such as ``dsm_loss_0p05`` at 0.05, ``dsm_loss_1em05`` at 0.00001: σ in up to
    six digits, with p for the point and m for a minus.
    """

    summaries = ("dsm_loss",)
    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"dataset": {"name": "draws", "model": {"name": "gaussian", "mean": [0.5, 0]}}},
        {
            "dataset": {"name": "draws", "model": {"name": "gaussian", "mean": [0.5, 0]}},
            "sigmas": [0.05, 1, 20],
        },
    )

    dataset: DatasetSpec | None = None
    """The held-out data: a dataset's name, or a mapping with name and parameters; the suite's own
    where not given. The draws of a known density are one too, of name draws."""
    samples: Annotated[int, Ge(1)] = 4096
    """How many of its samples, chosen at random; all where there are fewer. The model is evaluated
    so often at every level."""

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        """The held-out samples as they are, ``clean`` ``[N, *event]``; images are uint8.

        Raises:
            UserError: there is no dataset.
        """
        import torch

        data = context.dataset(self.dataset)
        order = np.random.default_rng(self.seed).permutation(len(data))
        chosen = [data.x[i : i + 1] for i in order[: self.samples].tolist()]
        return {"clean": torch.cat(chosen).cpu().numpy()}

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        """The columns, from sums in float64.

        Raises:
            UserError: data and model are of different shapes, images can't be mapped to the
                model's units, or the schedule's level is 0, where there is no noise to take off.
        """
        import torch

        from .blurring import blurred

        model, levels = generated.model, self.levels(generated)
        assert model is not None
        if 0 in levels:
            raise UserError("dsm_loss: at σ = 0 there is no noise to take off; give it sigmas")
        check_shape("dsm_loss", "the held-out data", state["clean"].shape[1:], model)
        clean = _in_units_of(model, state["clean"])
        sums = torch.zeros(len(levels), dtype=torch.float64)
        with torch.no_grad():
            for level, x, sigma, z in blurred(clean, levels, model, self.seed):
                score = model.score(x, sigma).cpu().double()
                sums[level] += (levels[level] * score + z).square().sum()
        losses = sums / (2 * clean.size)
        return {"dsm_loss": float(losses.mean()), **self.by_level(losses.tolist())}


def _in_units_of(model: ScoreModel, clean: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """8-bit images mapped from 0 … 255 to the model's value range; other data as it is."""
    if clean.dtype != np.uint8:
        return clean
    if model.value_range is None:
        raise UserError(
            "dsm_loss: the held-out data are images, but the model has no value_range that 0 to "
            "255 would become; give it one, e.g. [-1, 1]"
        )
    low, high = model.value_range
    return low + (high - low) / 255 * clean.astype(np.float64)
