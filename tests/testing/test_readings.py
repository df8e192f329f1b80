"""Whoever says that samples can be read off a walk is taken at their word, so lies are caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import pytest
import torch
from annotated_types import Ge, Le
from torch import Tensor

from scorebench import Noise, Reading, Sampler, ScoreModel
from scorebench.testing.conformance import run_checks
from scorebench.testing.exact_models import MIXTURE
from scorebench.testing.levels import levels
from scorebench.testing.outcome import Outcome
from scorebench.testing.readings import alone, read_off, relatives, unlike

End = Callable[[Tensor, ScoreModel, Tensor, Noise], Tensor]


def denoised(x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Tensor:
    return model.denoise(x, sigmas[-1])


@dataclass(frozen=True, kw_only=True)
class Chain(Sampler):
    """An honest chain, in which one part at a time can be made to lie."""

    examples: ClassVar = ({}, {"kind": "slow"})

    steps: int = 5
    step: Annotated[float, Ge(0), Le(0.2)] = 0.1
    kind: Literal["fast", "slow"] = "fast"
    denoise: bool = True

    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        x = self.start(model, sigmas[0], noise)
        for _ in range(self.steps):
            x = x + self.size() * model.score(x, sigmas[-1]) + 0.1 * noise.normal()
            yield x
        told = self.told(x, model, sigmas)
        if self.denoise:
            yield denoised(x, model, sigmas, noise)
        return told

    def size(self) -> float:
        return self.step if self.kind == "fast" else self.step / 2

    def told(self, x: Tensor, model: ScoreModel, sigmas: Tensor) -> Mapping[str, Tensor] | None:
        return None

    def reading(self) -> Reading:
        walk = replace(self, denoise=False)
        end = denoised if self.denoise else None
        return Reading(walk, replace(walk, steps=1), states=self.steps, end=end)


@dataclass(frozen=True, kw_only=True)
class Whole(Chain):
    """An honest one that is read at its end alone, so that it may return statistics."""

    def told(self, x: Tensor, model: ScoreModel, sigmas: Tensor) -> Mapping[str, Tensor] | None:
        return {"norm": x.norm(dim=1)}

    def reading(self) -> Reading:
        return replace(super().reading(), family=replace(self, denoise=False), states=None)


def changed(base: type[Chain], **methods: Callable[..., Any]) -> Chain:
    return dataclass(frozen=True, kw_only=True)(type("Changed", (base,), methods))()


def saying(lie: Callable[[Any, Reading], Reading], base: type[Chain] = Chain) -> Chain:
    """A sampler whose reading is another than the honest one."""
    return changed(base, reading=lambda self: lie(self, base.reading(self)))


def ending(end: End, base: type[Chain] = Chain) -> Chain:
    """A sampler whose walk is told to end in another way than its own."""
    return saying(lambda self, honest: replace(honest, end=honest.end and end), base)


def twice(x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Tensor:
    model.score(x, sigmas[-1])
    return denoised(x, model, sigmas, noise)


def in_place(x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Tensor:
    return x.copy_(denoised(x, model, sigmas, noise))


def noisy(x: Tensor, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Tensor:
    noise.uniform()
    return denoised(x, model, sigmas, noise)


def of_all(**same: Any) -> Callable[[Any, Reading], Reading]:
    return lambda self, honest: replace(honest, family=replace(honest.family, **same))


def one_walk(self: Any, honest: Reading) -> Reading:
    walk = replace(honest.walk, kind="fast")
    return replace(honest, walk=walk, family=walk)


def evaluating(self: Any, x: Tensor, model: ScoreModel, sigmas: Tensor) -> None:
    model.score(x, sigmas[-1])


def of_the_end(self: Any, x: Tensor, model: ScoreModel, sigmas: Tensor) -> Mapping[str, Tensor]:
    return {"norm": x.norm(dim=1) * (1 + self.denoise)}


LIES = {
    "a state too early": (
        saying(lambda self, honest: replace(honest, states=max(1, self.steps - 1))),
        "itself: other samples at n = 1",
    ),
    "a state that isn't reached": (
        saying(lambda self, honest: replace(honest, states=self.steps + 1)),
        "yielded 8 states, not 9",
    ),
    "a state before the first": (
        saying(lambda self, honest: replace(honest, states=0)),
        "states are counted from 1, not 0",
    ),
    "the last state of several walks": (
        saying(lambda self, honest: replace(honest, states=None)),
        "family must be walk where states is None",
    ),
    "a walk with its end": (
        saying(lambda self, honest: replace(honest, walk=self)),
        "itself: walk has another reading",
    ),
    "a walk that says nothing": (
        saying(lambda self, honest: honest if self.denoise else None),
        "walk has another reading",
    ),
    "a walk that isn't its own": (saying(one_walk, Whole), "kind=slow: other samples"),
    "a family of all step sizes": (
        saying(of_all(step=0.1)),
        "step=0.07500000000000001: other samples",
    ),
    "a family of all kinds": (saying(of_all(kind="fast")), "kind=slow: other samples"),
    "steps that know their number": (
        changed(Chain, size=lambda self: self.step / self.steps),
        "itself: other samples",
    ),
    "steps that know of the end": (
        changed(Whole, size=lambda self: self.step / (1 + self.denoise)),
        "itself: other samples",
    ),
    "no end": (saying(lambda self, honest: replace(honest, end=None)), "itself: other samples"),
    "an end that evaluates more": (ending(twice), "itself: 7 evaluations instead of 6"),
    "an end that changes its state": (ending(in_place), "steps=8: other samples"),
    "an end that changes the last state": (
        ending(in_place, Whole),
        "denoise=False: other samples",
    ),
    "an end that draws in the middle": (ending(noisy), "draws noise in the middle of a walk"),
    "an evaluation after the state": (
        changed(Chain, told=evaluating),
        "steps=3: 4 evaluations instead of 5",
    ),
    "statistics in the middle": (
        changed(Chain, told=Whole.told),
        "itself: statistics [] instead of ['norm']",
    ),
    "statistics of the end": (changed(Whole, told=of_the_end), "itself: another norm"),
}


def checked(sampler: Sampler) -> Outcome:
    (found,) = [o for o in run_checks("sampler", sampler) if o.check == "reading"]
    return found


@pytest.mark.parametrize(("liar", "told"), LIES.values(), ids=list(LIES))
def test_a_lie_is_caught_and_told(liar: Chain, told: str) -> None:
    found = checked(liar)
    assert found.passed is False
    assert told in found.message


@pytest.mark.parametrize("denoise", [True, False])
def test_the_truth_is_found_to_be_true(denoise: bool) -> None:
    end = f"denoise={not denoise}"
    for sampler, others in ((Chain, f"steps=8, steps=3, {end}"), (Whole, end)):
        found = checked(sampler(denoise=denoise))
        assert found.passed is True
        assert found.message.startswith(f"read off one walk with {others}: bit for bit as alone")


def test_two_ends_on_one_walk_may_not_both_draw_noise() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Shaken(Sampler):
        examples: ClassVar = ({}, {"by": 0.5})
        by: float = 0.25

        def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
            x = self.start(model, sigmas[0], noise)
            yield x + self.by * noise.normal() if self.by else x

        def reading(self) -> Reading:
            walk = replace(self, by=0.0)
            end = (
                (lambda x, model, sigmas, noise: x + self.by * noise.normal()) if self.by else None
            )
            return Reading(walk, walk, end=end)

    found = checked(Shaken())
    assert found.passed is False
    assert "by=0.5: other samples" in found.message


def test_what_says_nothing_isnt_asserted() -> None:
    class Silent(Chain):
        def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
            yield from super().trajectory(model, sigmas, noise)

    found = checked(Silent())
    assert found.passed is None
    assert "walks of their own" in found.message


def test_relatives_are_of_the_family_and_keep_the_bounds_of_their_types() -> None:
    class Anything(Chain):
        def reading(self) -> Reading:
            walk = Chain()
            return Reading(walk, walk)

    sampler = dataclass(frozen=True, kw_only=True)(Anything)(step=0.1)
    found = [name for name, *_ in relatives(sampler)]
    assert found == [
        "itself",
        "steps=8",
        "steps=3",
        "step=0.07500000000000001",  # 0.35 is out of bounds
        "kind=slow",
        "denoise=False",
    ]


def test_combinations_that_a_sampler_refuses_are_no_relatives() -> None:
    class Picky(Chain):
        def __post_init__(self) -> None:
            if self.steps < 5 and self.denoise:
                raise ValueError("too few steps to denoise after")

    picky = dataclass(frozen=True, kw_only=True)(Picky)()
    assert [name for name, *_ in relatives(picky)] == ["itself", "steps=8", "denoise=False"]


def test_many_samplers_are_read_off_one_walk_in_any_order() -> None:
    chains = [Chain(steps=n, denoise=d) for n, d in ((3, True), (9, False), (3, False), (6, True))]
    sigmas = levels(1)
    found = read_off([chain.reading() for chain in chains], MIXTURE, sigmas, 4)
    for chain, read in zip(chains, found, strict=True):
        own = alone(chain, MIXTURE, sigmas, 4)
        assert unlike(read, own) == ""
        assert own.evaluations == 4 * (chain.steps + chain.denoise)
    assert not torch.equal(found[0].x, found[2].x)
