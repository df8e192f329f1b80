"""Metrics that break a law each, and the checks that must notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from scorebench import ComponentSpec, Context, Evidence, Metric
from scorebench.testing import Outcome, run_checks

State = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class MeanDistance(Metric):
    """A sound metric: the distance between the means."""

    better: ClassVar[Mapping[str, Any]] = {"mean_error": "lower"}

    def prepare(self, reference: Evidence, context: Context) -> State:
        return {"mean": reference.vectors.mean(0, dtype=np.float64)}

    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        mean = generated.vectors.mean(0, dtype=np.float64)
        return {"mean_error": float(np.linalg.norm(mean - state["mean"]))}


class OfEverything(MeanDistance):
    needs = frozenset({"features", "logits", "samples", "model"})

    def prepare(self, reference: Evidence, context: Context) -> State:
        assert reference.model is None
        return {**super().prepare(reference, context), "logits": reference.logits.mean(0)}

    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        x = torch.from_numpy(generated.samples)
        score = generated.model.score(x.double(), torch.tensor(generated.sigmas[-1])).numpy()
        assert generated.context.dtype == generated.model.dtype
        found = {"score": float((score**2).mean()), "logits": float(generated.logits.std())}
        return {**super().compute(state, generated), **found}


class OfAnother(MeanDistance):
    """Looks at a dataset besides the reference."""

    @property
    def datasets(self) -> Mapping[str, ComponentSpec]:
        return {"train": ComponentSpec("digits")}

    def prepare(self, reference: Evidence, context: Context) -> State:
        return super().prepare(reference.others["train"], context)


class OfTheLast(MeanDistance):
    """Depends on the order of the generated samples, as the Inception Score does."""

    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        return {"mean_error": float(abs(generated.vectors[-1] - state["mean"]).sum())}


class BadName(MeanDistance):
    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        return {**super().compute(state, generated), "mean error": 1.0}


class NotANumber(MeanDistance):
    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        return {"mean_error": float("nan")}


class RanksWhatIsNotThere(MeanDistance):
    better: ClassVar[Mapping[str, Any]] = {"mean_eror": "lower"}


class RanksOddly(MeanDistance):
    better: ClassVar[Mapping[str, Any]] = {"mean_error": "smaller"}


class Silent(MeanDistance):
    better: ClassVar[Mapping[str, Any]] = {}

    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        return {}


class ListsForState(MeanDistance):
    def prepare(self, reference: Evidence, context: Context) -> State:
        return {"mean": np.array(["no numbers"])}


class ForgetsOnStorage(MeanDistance):
    """Tells a 0-dimensional array from the same with one element, as a file can't."""

    def prepare(self, reference: Evidence, context: Context) -> State:
        return {**super().prepare(reference, context), "count": np.array(reference.count)}

    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        return {"mean_error": super().compute(state, generated)["mean_error"] + state["count"].ndim}


class CentresTheEvidence(MeanDistance):
    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        generated.vectors[:] -= state["mean"]
        return {"mean_error": float(np.linalg.norm(generated.vectors.mean(0)))}


class SpoilsTheState(MeanDistance):
    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        state["mean"][:] -= generated.vectors.mean(0)
        return {"mean_error": float(np.linalg.norm(state["mean"]))}


class RandomSubset(MeanDistance):
    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        chosen = np.random.choice(generated.count, 20)
        found = float(np.linalg.norm(generated.vectors[chosen].mean(0) - state["mean"]))
        return {"mean_error": found}


class FirstOfTheReference(MeanDistance):
    def prepare(self, reference: Evidence, context: Context) -> State:
        return {"mean": reference.vectors[:50].mean(0)}


class FirstOfAnother(OfAnother):
    def prepare(self, reference: Evidence, context: Context) -> State:
        return {"mean": reference.others["train"].vectors[:50].mean(0)}


class CentresAnother(OfAnother):
    def prepare(self, reference: Evidence, context: Context) -> State:
        reference.others["train"].vectors[:] -= reference.vectors.mean(0)
        return super().prepare(reference, context)


class TooFew(MeanDistance):
    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        return {"mean_error": float(generated.vectors.sum() / (generated.count - 1))}


class RaisesOnFew(MeanDistance):
    minimum_samples = 3  # type: ignore[assignment]

    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        if generated.count < 5:
            raise ValueError("needs five")
        return super().compute(state, generated)


class InFloat16(MeanDistance):
    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        lost = 1e-2 if generated.vectors.dtype == np.float32 else 0.0
        return {"mean_error": super().compute(state, generated)["mean_error"] + lost}


class OtherColumns(MeanDistance):
    def compute(self, state: State, generated: Evidence) -> Mapping[str, float]:
        name = f"mean_error_{generated.vectors.dtype}"
        return {"mean_error": 1.0, name: 1.0}


def outcomes(metric: Metric) -> dict[str, Outcome]:
    return {o.check: o for o in run_checks("metric", metric)}


@pytest.mark.parametrize("metric", [MeanDistance(), OfEverything(), OfAnother()])
def test_a_sound_metric_passes_everything(metric: Metric) -> None:
    found = outcomes(metric)
    assert len(found) == 8
    assert found.pop("generated in any order").passed is None
    assert [o for o in found.values() if not o.passed] == []


def test_order_of_the_generated_samples_is_told_and_not_judged() -> None:
    found = outcomes(OfTheLast())
    message = found.pop("generated in any order").message
    assert float(message.rpartition(" ")[2]) > 1e-3
    assert all(o.passed for o in found.values())


@pytest.mark.parametrize(
    ("metric", "check", "told"),
    [
        (BadName(), "finite columns", "'mean error' isn't a word"),
        (NotANumber(), "finite columns", "mean_error is nan"),
        (NotANumber(), "same values again", "by nan"),
        (NotANumber(), "fewest samples", "mean_error not finite"),
        (RanksWhatIsNotThere(), "finite columns", "better names mean_eror"),
        (RanksOddly(), "finite columns", "say lower or higher"),
        (Silent(), "finite columns", "there are no columns"),
        (ListsForState(), "state survives storage", "raised"),
        (ForgetsOnStorage(), "state survives storage", "2 arrays, written to a file"),
        (CentresTheEvidence(), "input untouched", "changes generated vectors"),
        (SpoilsTheState(), "input untouched", "changes state mean"),
        (RandomSubset(), "same values again", "two global random states"),
        (FirstOfTheReference(), "reference in any order", "with the reference shuffled"),
        (FirstOfAnother(), "reference in any order", "with the reference shuffled"),
        (CentresAnother(), "input untouched", "changes train vectors"),
        (TooFew(), "fewest samples", "mean_error not finite with 1 samples"),
        (RaisesOnFew(), "fewest samples", "raised ValueError: needs five (test_metric_checks.py"),
        (InFloat16(), "either precision", "float32 and in float64 differ"),
        (OtherColumns(), "either precision", "differ by inf"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Metric) else None,
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_is_broken_is_caught(metric: Metric, check: str, told: str) -> None:
    found = outcomes(metric)[check]
    assert found.passed is False
    assert told in found.message
