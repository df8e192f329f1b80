"""Drawing samples: one batch's walk, watched and counted, and the public ``sample``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from scorebench.errors import DivergenceError, PluginError, TimeLimitError, UserError
from scorebench.plugin.contracts import Noise, Sampler, ScoreModel
from scorebench.running.noise import StreamNoise

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
    """

    def __init__(self, model: ScoreModel, dtype: torch.dtype) -> None:
        self.evaluations = 0
        self.event_shape = tuple(model.event_shape)
        self.value_range = model.value_range
        self.device, self.dtype = model.device, dtype
        self._model = model

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.evaluations += len(x)
        sigma = sigma.to(self.device, self.dtype)
        return self._model.score(x.to(self._model.dtype), sigma).to(self.dtype)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.evaluations += len(x)
        sigma = sigma.to(self.device, self.dtype)
        return self._model.denoise(x.to(self._model.dtype), sigma).to(self.dtype)

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


def walk(
    sampler: Sampler,
    model: CountedModel,
    sigmas: Tensor,
    noise: Noise,
    count: int,
    *,
    deadline: float | None = None,
    totals: Totals | None = None,
    watch: Callable[[Tensor], object] | None = None,
) -> Tensor:
    """The last state of one batch's trajectory, ``[count, *event]``.

    What the sampler tells of the trajectory is added to ``totals``. Every state is shown to
    ``watch``, as the sampler yielded it, unchecked.

    The state is looked at once a second and at the end, not at every step: looking at it would
    make the processor wait for the device.

    Raises:
        DivergenceError: the state is no longer finite.
        TimeLimitError: ``deadline`` (of ``time.monotonic``) has passed.
        PluginError: the sampler yields nothing, or a state of another shape or precision.
    """
    state: Tensor | None = None
    told: Mapping[str, Tensor] | None = None
    look = time.monotonic() + WATCH

    def states() -> Iterator[Tensor]:
        nonlocal told
        trajectory: Any = sampler.trajectory(model, sigmas, noise)
        told = yield from trajectory

    with torch.no_grad():
        for step, state in enumerate(states()):
            if watch is not None:
                watch(state)
            now = time.monotonic()
            if now < look:
                continue
            look = now + WATCH
            _check_finite(state, f"after {step + 1} states")
            if deadline is not None and now > deadline:
                raise TimeLimitError(f"out of time after {step + 1} states of a trajectory")
    expected = (count, *model.event_shape)
    if state is None or tuple(state.shape) != expected or state.dtype != model.dtype:
        found = "nothing" if state is None else f"{state.dtype} {list(state.shape)}"
        raise PluginError(
            f"{type(sampler).__name__} yielded {found} instead of {model.dtype} {list(expected)}"
        )
    _check_finite(state, "at the end")
    if deadline is not None and time.monotonic() > deadline:
        raise TimeLimitError("out of time at the end of a trajectory")
    if told is not None and totals is not None:
        totals.add(told, count)
    return state


def _check_finite(state: Tensor, when: str) -> None:
    # A finite sum has finite terms, and a sum is an eighth of the work.
    if torch.isfinite(state.sum()) or torch.isfinite(state).all():
        return
    bad = int((~torch.isfinite(state)).flatten(1).any(1).sum())
    raise DivergenceError(f"{bad} of a batch of {len(state)} samples not finite {when}")


def sample_batches(
    model: CountedModel,
    sampler: Sampler,
    sigmas: Tensor,
    count: int,
    *,
    seed: int,
    batch_size: int,
    deadline: float | None = None,
    totals: Totals | None = None,
    watch: Callable[[Tensor], object] | None = None,
) -> Iterator[Tensor]:
    """Samples 0 … count−1 of a seed, ``batch_size`` at a time; ``watch`` sees the first batch."""
    for first in range(0, count, batch_size):
        indices = range(first, min(first + batch_size, count))
        noise = StreamNoise(
            seed, indices, model.event_shape, device=model.device, dtype=model.dtype
        )
        yield walk(
            sampler,
            model,
            sigmas,
            noise,
            len(indices),
            deadline=deadline,
            totals=totals,
            watch=watch if first == 0 else None,
        )


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
    batches = list(
        sample_batches(
            counted, sampler, levels, count, seed=seed, batch_size=batch_size, totals=totals
        )
    )
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
