"""How far a model's score is from a known one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge

from scorebench import ScoreModelSpec, SeededNoise, UserError

from .at_noise_levels import AtNoiseLevels, check_shape

if TYPE_CHECKING:
    import numpy as np

    from scorebench import Context, Evidence, ScoreModel


@dataclass(frozen=True, kw_only=True)
class ScoreError(AtNoiseLevels):
    """Fisher divergence F(σ) = ½E‖s(x, σ) − ∇log p_σ(x)‖² of the model from a known truth.

    Hyvärinen 2005, eq. 2, at every noise level: x is an exact draw of the truth, blurred by
    N(0, σ²I). At σ = 0, which a schedule of one level may be, the score of the data itself is
    meant. ``fisher_divergence`` is the mean of F over the levels, in inverse squared data units.
    ``score_error`` is the mean of σ²·F/d for d-dimensional data, without a unit: λ(σ) = σ² is the
    weighting of Song & Ermon 2019, eq. 6; at σ = 0 it is F/d. ``score_error_relative`` is the
    largest, over the levels, of F over that of a score that is 0 everywhere. Levels that are given
    have their σ²·F/d as columns too, such as ``score_error_0p05`` at 0.05, ``score_error_1em05``
    at 0.00001: σ in up to six digits, with p for the point and m for a minus.
    """

    compares = False
    summaries = ("score_error", "fisher_divergence", "score_error_relative")
    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"truth": {"name": "gaussian", "mean": [0.5, 0], "std": 2}},
        {"truth": {"name": "gaussian", "mean": [0.5, 0], "std": 2}, "sigmas": [0.05, 1, 20]},
    )

    truth: ScoreModelSpec
    """The score model that is known and can draw: a name, or a mapping with name and parameters."""
    samples: Annotated[int, Ge(1)] = 4096
    """Number of exact draws; the model is evaluated so often at every level."""

    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        """Exact draws of the truth's data, ``clean`` ``[samples, *event]``.

        Raises:
            UserError: the truth can't be loaded or can't draw.
        """
        import torch

        from .blurring import batch_sizes

        truth = self._load_truth(context)
        draw: Any = getattr(truth, "draw", None)
        if draw is None:
            raise UserError(
                f"score_error: truth: {self.truth.name} can't draw exact samples; use a model that "
                "can, e.g. gaussian_mixture"
            )
        generator = SeededNoise.generator(self.seed, "score_error")
        drawn = []
        with torch.no_grad():
            for count in batch_sizes(self.samples, truth.event_shape):
                shape = (count, *truth.event_shape)
                noise = SeededNoise(generator, shape, device=truth.device, dtype=truth.dtype)
                drawn.append(draw(count, noise).cpu())
        return {"clean": torch.cat(drawn).numpy()}

    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        """The columns, from sums in float64.

        Raises:
            UserError: truth and model are of different shapes, or the truth has no score at a
                level, as a point mass has none at σ = 0.
        """
        import torch

        from .blurring import blurred

        model, levels = generated.model, self.levels(generated)
        assert model is not None
        assert generated.context is not None
        clean = state["clean"]
        check_shape("score_error", f"truth: {self.truth.name}", clean.shape[1:], model)
        truth = self._load_truth(generated.context)
        sums = torch.zeros(2, len(levels), dtype=torch.float64)
        with torch.no_grad():
            for level, x, sigma, _ in blurred(clean, levels, model, self.seed):
                found = model.score(x, sigma).cpu().double()
                exact = truth.score(
                    x.to(truth.device, truth.dtype), sigma.to(truth.device, truth.dtype)
                )
                exact = exact.cpu().double()
                if not exact.isfinite().all():
                    raise UserError(
                        f"score_error: truth: {self.truth.name} has no score at σ = "
                        f"{levels[level]:g}; compare at levels above 0"
                    )
                sums[0, level] += (found - exact).square().sum()
                sums[1, level] += exact.square().sum()
        divergence, largest = sums / (2 * len(clean))
        weights = [sigma**2 or 1.0 for sigma in levels]
        weighted = divergence * torch.tensor(weights, dtype=torch.float64)
        weighted /= math.prod(model.event_shape)
        return {
            "score_error": float(weighted.mean()),
            "fisher_divergence": float(divergence.mean()),
            "score_error_relative": float((divergence / largest).max()),
            **self.by_level(weighted.tolist()),
        }

    def _load_truth(self, context: Context) -> ScoreModel:
        """In float64 where the device has it, so that its rounding isn't taken for an error."""
        import torch

        wide = torch.float32 if context.device.type == "mps" else torch.float64
        truth: ScoreModel = context.build(self.truth).load(context.in_precision(wide))
        return truth
