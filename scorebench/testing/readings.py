"""Samples read off one walk, as a sweep reads them, beside those of a walk for each."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from scorebench.errors import PluginError, UserError
from scorebench.plugin.contracts import Noise, Reading, Sampler, ScoreModel
from scorebench.plugin.parameters import parameters_of
from scorebench.running.measuring import longest
from scorebench.running.noise import StreamNoise
from scorebench.running.sampling import CountedModel, reads
from scorebench.testing.conformance import describe, settings


@dataclasses.dataclass(frozen=True)
class Read:
    """What a walk gave: samples ``[B, *event]``, evaluations in all, statistics returned."""

    x: Tensor
    evaluations: int
    statistics: Mapping[str, Tensor]


class Silence(Noise):
    """What an end is given that mustn't draw noise."""

    def normal(self) -> Tensor:
        raise PluginError("the end of a reading draws noise in the middle of a walk")

    uniform = normal


def relatives(sampler: Sampler) -> Iterator[tuple[str, Sampler, Reading]]:
    """Samplers of one family: those that differ from this one in one parameter, it first.

    Values to try are those of the examples and, of numbers, some near by.

    Yields:
        The parameter and its value in words, the sampler and its reading.
    """
    said = sampler.reading()
    if said is None:
        return
    yield "itself", sampler, said
    chain: Any = sampler
    for field, value in _changes(sampler):
        try:
            other: Sampler = dataclasses.replace(chain, **{field: value})
        except (ValueError, UserError):  # a combination that the sampler refuses
            continue
        reading = other.reading()
        if reading is not None and reading.family == said.family:
            yield describe({field: value}), other, reading


def _changes(sampler: Sampler) -> Iterator[tuple[str, Any]]:
    """Fields and other values for them that their types accept."""
    for name, parameter in parameters_of(type(sampler)).items():
        now = getattr(sampler, parameter.field)
        others = [example[name] for example in settings(type(sampler)) if name in example]
        if isinstance(now, bool):
            others.append(not now)
        elif isinstance(now, int):
            others += [now + 3, (now + 1) // 2]
        elif isinstance(now, float):
            others += [now + 0.25, now * 0.75]
        known = [now]
        for other in others:
            with contextlib.suppress(ValueError):
                if (value := parameter.validate(other)) not in known:
                    known.append(value)
        yield from ((parameter.field, value) for value in known[1:])


def contradiction(said: Reading) -> str:
    """In what a reading contradicts itself; empty where it doesn't."""
    if said.states is None and said.family != said.walk:
        return "family must be walk where states is None"
    if said.states is not None and said.states < 1:
        return f"states are counted from 1, not {said.states}"
    if said.walk.reading() != dataclasses.replace(said, end=None):
        return "walk has another reading than this one without its end"
    return ""


def read_off(
    readings: Sequence[Reading], model: ScoreModel, sigmas: Tensor, count: int
) -> list[Read]:
    """What readings of one family give when the longest walk is read for all of them.

    Raises:
        PluginError: a walk has too few states, or an end draws noise in its middle.
    """
    walked, ended = CountedModel(model, model.dtype), CountedModel(model, model.dtype)
    noise = StreamNoise(0, range(count), model.event_shape, device=model.device, dtype=model.dtype)
    told: Mapping[str, Tensor] = {}

    def stops() -> Iterator[tuple[int | None, Tensor]]:
        nonlocal told
        numbers = {said.states for said in readings}
        told = (
            yield from reads(longest(readings).walk, walked, sigmas, noise, count, numbers)
        ) or {}

    made: dict[int, tuple[Tensor, int]] = {}
    for stop, state in stops():
        for index, said in enumerate(readings):
            if said.states == stop:
                x, before = state, ended.evaluations
                if said.end is not None:
                    with torch.no_grad():
                        x = said.end(state, ended, sigmas, noise if stop is None else Silence())
                made[index] = x, walked.evaluations + ended.evaluations - before
    return [
        Read(*made[index], statistics={} if said.states else told)
        for index, said in enumerate(readings)
    ]


def alone(sampler: Sampler, model: ScoreModel, sigmas: Tensor, count: int) -> Read:
    """What a sampler gives on a walk of its own."""
    (own,) = read_off([Reading(sampler, sampler)], model, sigmas, count)
    return own


def unlike(found: Read, own: Read) -> str:
    """What was read off differs in this from a sampler's own walk; empty where it's the same."""
    if not torch.equal(found.x, own.x):
        return "other samples"
    if found.evaluations != own.evaluations:
        count = len(own.x)
        return f"{found.evaluations / count:g} evaluations instead of {own.evaluations / count:g}"
    if found.statistics.keys() != own.statistics.keys():
        return f"statistics {sorted(found.statistics)} instead of {sorted(own.statistics)}"
    pairs = ((name, found.statistics[name], own.statistics[name]) for name in own.statistics)
    return next((f"another {name}" for name, a, b in pairs if not torch.equal(a, b)), "")
