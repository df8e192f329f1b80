"""Feature extractors that break a law each, and the checks that must notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from scorebench import Context, FeatureExtractor, Features, UserError
from scorebench.plugin.component import ComponentSpec
from scorebench.testing import Outcome, run_checks


def plain(batch: Tensor) -> Features:
    vectors = batch.flatten(1).double()
    return Features(vectors, vectors[:, :2])


def of_colour_images(batch: Tensor) -> Features:
    if batch.shape[1:] != (3, 32, 32):
        raise UserError("colour images only")
    return plain(batch)


def of_plane_points(batch: Tensor) -> Features:
    return Features(batch @ torch.eye(2))


def of_nothing(batch: Tensor) -> Features:
    raise UserError("no weights; download them first")


def whitened(batch: Tensor) -> Features:
    return Features(batch.flatten(1).double() - batch.flatten(1).double().mean(0))


def dropped_out(batch: Tensor) -> Features:
    return Features(nn.functional.dropout(batch.flatten(1).double()))


def unflattened(batch: Tensor) -> Features:
    return Features(batch.double())


def whole_numbers(batch: Tensor) -> Features:
    return Features(batch.flatten(1).long())


def with_infinite_logits(batch: Tensor) -> Features:
    return Features(batch.flatten(1).double(), batch.flatten(1) / 0)


def overwriting(batch: Tensor) -> Features:
    return Features(batch.div_(2, rounding_mode="floor").flatten(1).double())


def with_graph(batch: Tensor) -> Features:
    return Features(batch.flatten(1) * nn.Parameter(torch.ones(())))


@dataclass(frozen=True, kw_only=True)
class Extractor(FeatureExtractor):
    extract: Callable[[Tensor], Features]

    def load(self, context: Context) -> Callable[[Tensor], Features]:
        return self.extract


class UntrainedNetwork(Extractor):
    def load(self, context: Context) -> Callable[[Tensor], Features]:
        layer = nn.Linear(64, 3).requires_grad_(False)
        return lambda batch: Features(layer(batch.flatten(1).float()))


def outcomes(extractor: FeatureExtractor, context: Context | None = None) -> dict[str, Outcome]:
    found = run_checks("feature_extractor", extractor, context=context)
    return {outcome.check: outcome for outcome in found}


@pytest.mark.parametrize(
    ("extract", "told"),
    [
        (plain, "[1, 8, 8] become 64 features and 2 logits"),
        (of_colour_images, "[3, 32, 32] become 3072 features and 2 logits"),
        (of_plane_points, "[2] become 2 features and no logits"),
    ],
)
def test_a_sound_extractor_passes_on_samples_it_accepts(
    extract: Callable[[Tensor], Features], told: str
) -> None:
    found = outcomes(Extractor(extract=extract))
    assert len(found) == 4
    assert [o for o in found.values() if not o.passed] == []
    assert found["vectors and logits"].message == told


def test_the_dataset_of_the_context_comes_first() -> None:
    context = Context(default_dataset=ComponentSpec("digits", {"split": "test"}))
    found = outcomes(Extractor(extract=of_colour_images), context)
    assert {o.message for o in found.values()} == {"colour images only"}
    assert all(o.passed is False for o in found.values())


def test_an_extractor_that_takes_nothing_fails_with_its_own_words() -> None:
    found = outcomes(Extractor(extract=of_nothing))
    assert {o.message for o in found.values()} == {"no weights; download them first"}


@pytest.mark.parametrize(
    ("extract", "check", "told"),
    [
        (whitened, "batch invariance", "shuffled neighbours"),
        (dropped_out, "same features again", "two global random states"),
        (unflattened, "vectors and logits", "torch.float64 [6, 1, 8, 8]"),
        (whole_numbers, "vectors and logits", "torch.int64 [6, 64]"),
        (with_infinite_logits, "vectors and logits", "logits of 6 samples"),
        (overwriting, "no trace", "changes the samples"),
        (with_graph, "no trace", "leaves an autograd graph"),
    ],
)
def test_what_is_broken_is_caught(
    extract: Callable[[Tensor], Features], check: str, told: str
) -> None:
    found = outcomes(Extractor(extract=extract))[check]
    assert found.passed is False
    assert told in found.message


def test_weights_drawn_at_random_are_caught() -> None:
    assert outcomes(UntrainedNetwork(extract=plain))["same features again"].passed is False
