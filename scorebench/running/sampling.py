"""Drawing samples: one batch's walk, watched and counted, and the public ``sample``."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from scorebench.errors import DivergenceError, PluginError, TimeLimitError, UserError
from scorebench.plugin.contracts import Noise, Sampler, ScoreModel
from scorebench.running.noise import StreamNoise
from scorebench.running.pixels import shows_images

# Seconds between looks at a running sampler's state. Each look waits for the device.
WATCH = 1.0


@dataclass(frozen=True)
class Samples:
    """Samples and what they cost.

    Attributes:
        x: ``[count, *event]``, in the state's precision, on the model's device.
        nfe: evaluations of the model per sample, counted.
        seconds: spent in the sampler.
        statistics: means over the samples of what the sampler tells of its trajectories, such as
            ``acceptance_rate``.
    """

    x: Tensor
    nfe: float
    seconds: float
    statistics: Mapping[str, float] = field(default_factory=dict)


class CountedModel(ScoreModel):
    """A model whose evaluations are counted; the sampler's state may be of another precision.

    Attributes:
        evaluations: samples evaluated so far, summed over calls.
        shows_images: whether its samples are images.
    """

    def __init__(self, model: ScoreModel, dtype: torch.dtype) -> None:
        self.evaluations = 0
        self.event_shape = tuple(model.event_shape)
        self.value_range = model.value_range
        self.device, self.dtype = model.device, dtype
        self.shows_images = shows_images(self.event_shape, self.value_range)
        self._model = model

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.evaluations += len(x)
        sigma = sigma.to(self.device, self.dtype)
        return self._model.score(x.to(self._model.dtype), sigma).to(self.dtype)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.evaluations += len(x)
        sigma = sigma.to(self.device, self.dtype)
        return self._model.denoise(x.to(self._model.dtype), sigma).to(self.dtype)

    def __copy__(self) -> CountedModel:
        return self  # as evaluations of another one wouldn't count

    def __deepcopy__(self, memo: object) -> CountedModel:
        return self

    def __getattr__(self, name: str) -> Any:
        """What only some models have, such as ``log_prob``, is passed on."""
        found = getattr(self.__dict__["_model"], name)
        if name != "log_prob":
            return found

        def log_prob(x: Tensor, sigma: Tensor) -> Tensor:
            self.evaluations += len(x)
            sigma = sigma.to(self.device, self.dtype)
            return found(x.to(self._model.dtype), sigma).to(self.dtype)  # type: ignore[no-any-return]

        return log_prob


class Totals:
    """Sums, over samples, of what a sampler tells of its trajectories."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, told: Mapping[str, Tensor], count: int) -> None:
        """Take the statistics of a batch of ``count`` samples, each ``[count]``.

        Raises:
            PluginError: one is of another shape.
        """
        if not isinstance(told, Mapping):
            raise PluginError(f"a sampler returned {type(told).__name__}, not named statistics")
        for name, values in told.items():
            if not isinstance(values, Tensor) or tuple(values.shape) != (count,):
                raise PluginError(f"statistic {name} is not a tensor of shape [{count}]")
            self._sums[name] = self._sums.get(name, 0) + values.double().sum()
            self._counts[name] = self._counts.get(name, 0) + count

    def means(self) -> dict[str, float]:
        """The mean of each statistic; waits for the device."""
        return {name: float(total) / self._counts[name] for name, total in self._sums.items()}


def reads(
    sampler: Sampler,
    model: CountedModel,
    sigmas: Tensor,
    noise: Noise,
    count: int,
    stops: Collection[int | None],
    *,
    deadline: Callable[[], float | None] = lambda: None,
    watch: Callable[[Tensor], object] | None = None,
) -> Generator[tuple[int | None, Tensor], None, Mapping[str, Tensor] | None]:
    """Walk one batch's trajectory and stop at some of its states, ``[count, *event]``.

    Every state is shown to ``watch``, as the sampler yielded it, unchecked. The state is looked at
    once a second, not at every step: looking at it would make the processor wait for the device.
    Where the walk stops, it is for others to see whether the state is finite.

    Args:
        stops: numbers of states, from 1; None is the last.
        deadline: asked for the time (of ``time.monotonic``) by which the walk must have ended.

    Yields:
        Each stop, and the state there.

    Returns:
        What the sampler tells of the trajectory.

    Raises:
        DivergenceError: the state is no longer finite.
        TimeLimitError: the deadline has passed.
        PluginError: the sampler yields nothing, too few states, or one of another shape or
            precision.
    """
    state: Tensor | None = None
    told: Mapping[str, Tensor] | None = None
    look = time.monotonic() + WATCH
    number = 0

    def states() -> Iterator[Tensor]:
        nonlocal told
        trajectory: Any = sampler.trajectory(model, sigmas, noise)
        told = yield from trajectory

    def check_time(when: str) -> None:
        limit = deadline()
        if limit is not None and time.monotonic() > limit:
            raise TimeLimitError(f"out of time {when} of a trajectory")

    following = states()
    while True:
        with torch.no_grad():  # not while others use what is yielded
            for state in following:
                number += 1
                if watch is not None:
                    watch(state)
                if number in stops:
                    break
                if time.monotonic() >= look:
                    look = time.monotonic() + WATCH
                    check_finite(state, f"after {number} states")
                    check_time(f"after {number} states")
            else:
                break
        state = check_shape(state, sampler, model, count)
        check_time("at the end")
        yield number, state
    state = check_shape(state, sampler, model, count)
    if missing := [n for n in stops if n is not None and n > number]:
        raise PluginError(
            f"{type(sampler).__name__} yielded {number} states, not {min(missing)} as its reading"
            " says"
        )
    if None in stops:
        check_time("at the end")
        yield None, state
    return told


def walk(
    sampler: Sampler,
    model: CountedModel,
    sigmas: Tensor,
    noise: Noise,
    count: int,
    *,
    totals: Totals | None = None,
) -> Tensor:
    """The last state of one batch's trajectory, ``[count, *event]``.

    What the sampler tells of the trajectory is added to ``totals``.

    Raises:
        DivergenceError, PluginError: as ``reads``; the last state isn't finite either.
    """
    reading = reads(sampler, model, sigmas, noise, count, [None])
    _, state = next(reading)
    check_finite(state, "at the end")
    try:
        next(reading)
    except StopIteration as end:
        if end.value is not None and totals is not None:
            totals.add(end.value, count)
    return state


def check_shape(state: Tensor | None, sampler: Sampler, model: CountedModel, count: int) -> Tensor:
    """The state; raises PluginError unless it is of the shape and precision that are asked for."""
    expected = (count, *model.event_shape)
    if state is None or tuple(state.shape) != expected or state.dtype != model.dtype:
        found = "nothing" if state is None else f"{state.dtype} {list(state.shape)}"
        raise PluginError(
            f"{type(sampler).__name__} yielded {found} instead of {model.dtype} {list(expected)}"
        )
    return state


def check_finite(state: Tensor, when: str) -> None:
    """Raise DivergenceError unless all of a state is finite; waits for the device."""
    # A finite sum has finite terms, and a sum is an eighth of the work.
    if torch.isfinite(state.sum()) or torch.isfinite(state).all():
        return
    bad = int((~torch.isfinite(state)).flatten(1).any(1).sum())
    raise DivergenceError(f"{bad} of a batch of {len(state)} samples not finite {when}")


def sample(
    model: ScoreModel,
    sampler: Sampler,
    sigmas: Tensor,
    count: int,
    *,
    seed: int = 0,
    batch_size: int = 256,
) -> Samples:
    """Draw samples from a loaded score model; sample i depends on the seed and on i alone.

    Args:
        model: as ``scorebench.load("score_model", ...)`` gives it.
        sampler: as ``scorebench.build("sampler", ...)`` gives it.
        sigmas: noise levels, ``[n]``, strictly decreasing.
        count: number of samples.
        seed: of the random streams.
        batch_size: samples drawn together.

    Raises:
        UserError: the noise levels or counts are unusable, or the sampler can't walk down so many.
        DivergenceError: states that aren't finite.
    """
    check_sigmas(sigmas)
    if count < 1 or batch_size < 1:
        raise UserError(f"count ({count}) and batch_size ({batch_size}) must be at least 1")
    counted = CountedModel(model, model.dtype)
    try:
        sampler.nfe(len(sigmas))
    except ValueError as error:
        raise UserError(str(error)) from None
    levels, totals = sigmas.to("cpu", torch.float64), Totals()
    started = time.perf_counter()
    batches = []
    for first in range(0, count, batch_size):
        indices = range(first, min(first + batch_size, count))
        noise = StreamNoise(
            seed, indices, model.event_shape, device=counted.device, dtype=counted.dtype
        )
        batches.append(walk(sampler, counted, levels, noise, len(indices), totals=totals))
    x = batches[0] if len(batches) == 1 else torch.cat(batches)
    synchronise(x.device)
    seconds = time.perf_counter() - started
    return Samples(x, counted.evaluations / count, seconds, totals.means())


def check_sigmas(sigmas: Tensor) -> None:
    """Raise UserError unless these are noise levels: ``[n]``, finite, decreasing, > 0 (or [0])."""
    if sigmas.ndim != 1 or len(sigmas) == 0:
        raise UserError(f"noise levels must be a list of numbers, got shape {list(sigmas.shape)}")
    if not torch.isfinite(sigmas).all():
        raise UserError("noise levels must be finite")
    if (sigmas.diff() >= 0).any():
        raise UserError("noise levels must strictly decrease")
    if sigmas[-1] < 0 or (sigmas[-1] == 0 and len(sigmas) > 1):
        raise UserError("noise levels must be above 0; only a single level may be 0")


def synchronise(device: torch.device) -> None:
    """Wait until a device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
