"""The contracts of the six kinds of component: what the harness calls, what it may rely on.

``B`` is the batch and ``*event`` the shape of one sample, e.g. ``(3, 32, 32)``. A component is a
frozen, keyword-only dataclass whose fields are its parameters. Nothing here imports torch, so
components can be listed and validated without it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from scorebench.plugin.component import DatasetSpec
    from scorebench.running.context import Context

Init = Literal["normal", "uniform"]
Convention = Literal["half", "full"]


def per_sample(sigma: Tensor, x: Tensor) -> Tensor:
    """Shape noise levels ``[]`` or ``[B]`` so that they multiply ``x`` ``[B, *event]``."""
    return sigma if sigma.ndim == 0 else sigma.reshape(-1, *[1] * (x.ndim - 1))


class ScoreModel:
    """What a score_model component's ``load(context)`` returns.

    Implement ``score`` or ``denoise``; this class derives the other by Tweedie's formula,
    D(x, σ) = E[x₀ | x] = x + σ²·score(x, σ) (Robbins 1956; Efron 2011, eq. 1.4). A model that is
    asked for its score at σ = 0 must implement ``score``. Where they are known, a model also has
    ``log_prob(x, sigma) -> [B]`` and ``draw(count, noise) -> [count, *event]``, exact samples of
    the data itself.

    Attributes:
        event_shape: the shape of one sample.
        value_range: bounds of the data, e.g. ``(-1, 1)``; None where unbounded.
        device, dtype: where the model computes and in what precision.
    """

    event_shape: tuple[int, ...]
    value_range: tuple[float, float] | None = None
    device: torch.device
    dtype: torch.dtype

    def __init_subclass__(cls) -> None:
        if cls.score is ScoreModel.score and cls.denoise is ScoreModel.denoise:
            raise TypeError(f"{cls.__name__} must implement score or denoise")

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """∇ₓ log p_σ(x) for x ``[B, *event]`` at noise levels ``[]`` or ``[B]``."""
        return ((self.denoise(x, sigma) - x) / per_sample(sigma, x) ** 2).to(x.dtype)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """D(x, σ) = E[x₀ | x] for x ``[B, *event]`` at noise levels ``[]`` or ``[B]``."""
        return (x + per_sample(sigma, x) ** 2 * self.score(x, sigma)).to(x.dtype)


class NoiseSchedule(ABC):
    """The decreasing list of noise levels a sampler walks down."""

    @abstractmethod
    def sigmas(self, context: Context) -> Tensor:
        """float64 ``[n]``, strictly decreasing and > 0; a single level may be ``[0.0]``."""


class Noise(ABC):
    """One batch's randomness; sample i's stream depends on the seed and on i alone."""

    @abstractmethod
    def normal(self) -> Tensor:
        """``[B, *event]`` from N(0, I); a fresh tensor at every call."""

    @abstractmethod
    def uniform(self) -> Tensor:
        """``[B, *event]`` from U[0, 1); a fresh tensor at every call."""


@dataclass(frozen=True)
class Reading:
    """How a sampler's samples can be read off a walk that those of others are read off, too.

    Bit for bit, and with as many evaluations of the model, as if the sampler had walked alone.

    Attributes:
        walk: the sampler that walks: as this one, but without what it does at the end.
        family: a sampler that is equal for all walks of which the shorter is the beginning of the
            longer: the same states, from the same numbers drawn in the same order. ``walk`` itself
            where ``states`` is None.
        states: number of the walk's state that the sample is made from, the first being 1. Of a
            sampler that returns no statistics: they are known only when a walk has ended. None is
            the last state, whatever its number.
        end: what makes the sample of that state: a function of (x, model, sigmas, noise), which
            leaves x as it is. None: the state is the sample. As the walk goes on, it may draw noise
            only where ``states`` is None, and then no other sampler's end on this walk may.
    """

    walk: Sampler
    family: Sampler
    states: int | None = None
    end: Callable[[Tensor, ScoreModel, Tensor, Noise], Tensor] | None = None


class Sampler(ABC):
    """Turns noise into samples.

    Rules: keep the state's dtype; use no randomness but ``noise``; leave no autograd graph; don't
    change a tensor that was yielded or received. ``scorebench check sampler NAME`` verifies them.

    Attributes:
        examples: parameter sets with which the conformance kit tries the sampler, besides any of
            its own; those a sampler without defaults can't do without.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({},)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        latest = next(c for c in cls.__mro__ if {"trajectory", "reading"} & vars(c).keys())
        if "reading" not in vars(latest):  # what is inherited tells of another trajectory
            cls.reading = Sampler.reading  # type: ignore[method-assign]

    @property
    def coupled(self) -> bool:
        """Whether samples of one batch influence each other (their rows carry a flag)."""
        return False

    @property
    def convergence_order(self) -> int | None:
        """The power of the step size with which the error against the ODE's solution falls.

        On levels graded smoothly, such as Karras et al. 2022's. None for a sampler with noise.
        """
        return None

    @abstractmethod
    def trajectory(self, model: ScoreModel, sigmas: Tensor, noise: Noise) -> Iterator[Tensor]:
        """Draw a start, walk down ``sigmas`` (float64 ``[n]``) and yield every state.

        Yields:
            The state ``[B, *event]`` after every noise level (a chain at one level: after every
            iteration). The last state yielded is the sample.

        Returns:
            A generator may return named statistics ``[B]``, such as an acceptance rate; their
            means over all samples become columns.
        """

    def nfe(self, levels: int) -> int | None:
        """Evaluations per sample that ``trajectory`` makes on ``levels`` noise levels.

        Used to plan a sweep; what a row records is counted. None where it isn't known.

        Raises:
            ValueError: the sampler can't walk down that many levels.
        """
        return None

    def reading(self) -> Reading | None:
        """How samples can be read off a walk shared with other samplers; None: not at all.

        A sweep then walks once for all of them. A class that defines ``trajectory`` inherits no
        reading: what it tells is for its author to say anew.
        """
        return None

    def closed_form(
        self, sigmas: Sequence[float], variance: float
    ) -> Iterable[tuple[float, float]] | None:
        """What the sampler does to one-dimensional data N(0, ``variance``), to be tested by.

        Returns:
            Steps (gain, draw), each of which takes the state x to gain·x + draw·z with the next
            number z drawn; none is drawn where ``draw`` is 0. None where the sampler isn't such
            a sequence of steps.
        """
        return None

    @staticmethod
    def start(model: ScoreModel, sigma: Tensor, noise: Noise, init: Init = "normal") -> Tensor:
        """The usual start: N(0, σ²I), or uniform over the value range ([0, 1) where None)."""
        if init == "normal":
            return sigma * noise.normal()
        low, high = model.value_range or (0.0, 1.0)
        return low + (high - low) * noise.uniform()


class SampleSource(Protocol):
    """``[N, *event]``: a tensor, or an object that reads its slices when they are asked for."""

    @property
    def shape(self) -> Sequence[int]: ...
    @property
    def dtype(self) -> torch.dtype: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: slice, /) -> Tensor: ...


@dataclass(frozen=True)
class Data:
    """What a dataset component loads.

    Attributes:
        x: samples ``[N, *event]``; images are uint8 ``[N, C, H, W]``.
        labels: int64 ``[N]`` or None.
        value_range: bounds of x; (0, 255) for images, None where unbounded.
    """

    x: SampleSource
    labels: Tensor | None = None
    value_range: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(self.x.shape[1:])

    def batches(self, size: int) -> Iterator[Tensor]:
        """The samples in order, ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self.x[start : start + size]


class Dataset(ABC):
    """Real samples: the reference of a comparison, or what a model is fitted to."""

    @abstractmethod
    def load(self, context: Context) -> Data:
        """Open the dataset.

        Raises:
            UserError: the data is missing or unreadable; says how to mend it.
        """


@dataclass(frozen=True)
class Features:
    """What a feature extractor makes of a batch: vectors ``[B, d]``, logits ``[B, c]`` or None."""

    vectors: Tensor
    logits: Tensor | None = None


class FeatureExtractor(ABC):
    """Maps samples to the space in which metrics compare them.

    Attributes:
        version: of its numbers. Rows with features of different versions are never compared, so
            raise it with every change that gives other features, and with no other.
    """

    version: ClassVar[int] = 1

    @abstractmethod
    def load(self, context: Context) -> Callable[[Tensor], Features]:
        """A function from a batch (images: uint8 ``[B, C, H, W]``; else ``[B, *event]``)."""


@dataclass(frozen=True)
class Evidence:
    """What a metric sees of one side, real or generated; only what it ``needs`` is filled in.

    Attributes:
        count: number of samples N.
        vectors: features ``[N, d]``.  logits: ``[N, c]``.  samples: ``[N, *event]``.
        model: the score model that was sampled, ``sigmas`` the noise levels that were walked down,
            float64 ``[n]``, and ``context`` what to load another model in (generated side only).
        others: what the metric's ``datasets`` give, by its names for them (reference side only).
    """

    count: int
    vectors: np.ndarray | None = None
    logits: np.ndarray | None = None
    samples: np.ndarray | None = None
    model: ScoreModel | None = None
    sigmas: np.ndarray | None = None
    context: Context | None = None
    others: Mapping[str, Evidence] = field(default_factory=dict)


class Preparation(Protocol):
    """Costly work that a component needs done once before it can be loaded, such as training.

    A component that has a method ``preparation(context)`` gives this, or None when all is done; it
    is shown in the plan of a run and done before the first cell. ``load`` does it if need be.
    Those that compare equal are the same work.

    Attributes:
        summary: what it is, in a few words.
        steps: how much of it there is in all, and ``done`` how much was done on earlier occasions.
    """

    @property
    def summary(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def done(self) -> int: ...

    def run(self, report: Report) -> None:
        """Do what is left, telling how many steps are done, and how it goes, every now and then.

        Raises:
            UserError: it can't be done as the user asked for.
        """


Report = Callable[[int, str], None]


def quiet(_done: int, _how: str) -> None:
    """A ``Report`` that tells nobody."""


Need = Literal["features", "logits", "samples", "model"]


class Metric(ABC):
    """Numbers that compare generated samples with real ones.

    Attributes:
        needs: what it must be shown; an extractor without logits can't serve a metric that needs
            them.
        compares: whether its columns depend on the reference; if not, nothing is extracted from
            real samples for its sake.
        version: of its numbers. Rows with columns of different versions are never compared, so
            raise it with every change that gives other numbers, and with no other.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"features"})
    compares: ClassVar[bool] = True
    version: ClassVar[int] = 1

    @property
    def datasets(self) -> Mapping[str, DatasetSpec]:
        """Datasets to look at besides the reference, by names of the metric's own.

        ``prepare`` finds them in ``reference.others``.
        """
        return {}

    @property
    def better(self) -> Mapping[str, Literal["lower", "higher"]]:
        """For each column that can be ranked, whether "lower" or "higher" is better."""
        return {}

    @property
    def minimum_samples(self) -> int:
        """The fewest samples, on either side, for which the metric is defined."""
        return 1

    @abstractmethod
    def prepare(self, reference: Evidence, context: Context) -> Mapping[str, np.ndarray[Any, Any]]:
        """What can be computed from the reference alone, as named arrays; cached by digest."""

    @abstractmethod
    def compute(
        self, state: Mapping[str, np.ndarray[Any, Any]], generated: Evidence
    ) -> Mapping[str, float]:
        """The metric's columns."""
