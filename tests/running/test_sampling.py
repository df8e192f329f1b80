from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

import scorebench
from scorebench import DivergenceError, PluginError, Sampler, ScoreModel, TimeLimitError, UserError
from scorebench.running import sampling
from scorebench.running.noise import StreamNoise

SIGMAS = torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)


class Halving(ScoreModel):
    """D(x, σ) = x/2, with a parameter that wants gradients."""

    event_shape = (2,)
    device = torch.device("cpu")

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self.dtype = dtype
        self.half = torch.tensor(0.5, dtype=dtype, requires_grad=True)
        self.seen: list[torch.dtype] = []

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.seen += [x.dtype]
        return self.half * x

    def log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        return -x.square().sum(1)


@dataclass(frozen=True, kw_only=True)
class Scripted(Sampler):
    """Yields what a function makes of the start."""

    script: object

    def trajectory(self, model, sigmas, noise) -> Iterator[Tensor]:  # type: ignore[no-untyped-def]
        return (yield from self.script(model, self.start(model, sigmas[0], noise)))  # type: ignore[operator]


def draw(script: object, count: int = 5, **options: int) -> sampling.Samples:
    return scorebench.sample(Halving(), Scripted(script=script), SIGMAS, count, **options)


def test_evaluations_are_counted_per_sample() -> None:
    def script(model: ScoreModel, x: Tensor) -> Iterator[Tensor]:
        x = model.denoise(x, SIGMAS[0])
        yield x + model.score(x, SIGMAS[1])

    assert draw(script, count=5, batch_size=2).nfe == 2


def test_a_call_on_part_of_the_batch_counts_for_that_part() -> None:
    def script(model: ScoreModel, x: Tensor) -> Iterator[Tensor]:
        yield torch.cat([model.denoise(x[:1], SIGMAS[0]), x[1:]])

    assert draw(script, count=4, batch_size=4).nfe == 0.25


def test_a_log_density_counts_as_an_evaluation() -> None:
    def script(model: ScoreModel, x: Tensor) -> Iterator[Tensor]:
        yield x + model.log_prob(x, SIGMAS[0])[:, None]  # type: ignore[attr-defined]

    assert draw(script).nfe == 1


def test_a_model_without_log_density_shows_none_through_the_counter() -> None:
    class Bare(Halving):
        log_prob = property()  # type: ignore[assignment]

    assert not hasattr(sampling.CountedModel(Bare(), torch.float32), "log_prob")
    assert hasattr(sampling.CountedModel(Halving(), torch.float32), "log_prob")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_sampler_may_copy_its_model(
    copied: Callable[[ScoreModel], ScoreModel],
) -> None:
    def script(model: ScoreModel, x: Tensor) -> Iterator[Tensor]:
        yield copied(model).denoise(model.denoise(x, SIGMAS[0]), SIGMAS[1])

    found = draw(script, count=3)
    assert found.nfe == 2  # the copy's evaluation counts, too
    assert torch.equal(found.x, draw(lambda model, x: iter([x / 4]), count=3).x)


@pytest.mark.parametrize("sampler", ["euler", "heun", "annealed_langevin"])
def test_samples_do_not_depend_on_the_batch_size(sampler: str) -> None:
    built = scorebench.build("sampler", sampler)
    runs = [scorebench.sample(Halving(), built, SIGMAS, 7, batch_size=b).x for b in (1, 3, 7, 100)]
    for other in runs[1:]:
        torch.testing.assert_close(runs[0], other, rtol=1e-6, atol=1e-6)


def test_seeds_differ_and_repeat() -> None:
    euler = scorebench.build("sampler", "euler")
    a, b, c = (scorebench.sample(Halving(), euler, SIGMAS, 3, seed=s).x for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_state_and_model_may_be_of_different_precision() -> None:
    inner = Halving(torch.float32)
    counted = sampling.CountedModel(inner, torch.float64)
    noise = StreamNoise(0, range(3), (2,), dtype=torch.float64)
    x = sampling.walk(scorebench.build("sampler", "heun"), counted, SIGMAS, noise, 3)
    assert x.dtype == torch.float64
    assert set(inner.seen) == {torch.float32}


def test_no_autograd_graph_is_left() -> None:
    assert not scorebench.sample(
        Halving(), scorebench.build("sampler", "euler"), SIGMAS, 3
    ).x.requires_grad


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_final_state_that_is_not_finite_is_divergence(bad: float) -> None:
    def script(model: ScoreModel, x: Tensor) -> Iterator[Tensor]:
        x[1, 0] = bad
        yield x

    with pytest.raises(DivergenceError, match="1 of a batch of 5 samples not finite at the end"):
        draw(script)


def test_large_states_are_finite_even_if_their_sum_is_not() -> None:
    assert (draw(lambda model, x: iter([torch.full_like(x, 3e38)])).x > 2e38).all()


def test_an_endless_divergent_trajectory_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "WATCH", 0.05)

    def script(model: ScoreModel, x: Tensor) -> Iterator[Tensor]:
        while True:
            yield x * float("nan")

    with pytest.raises(DivergenceError, match="5 of a batch of 5 samples not finite after"):
        draw(script)


def test_the_state_is_not_looked_at_after_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    monkeypatch.setattr(sampling, "check_finite", lambda state, when: looks.append(when))
    started = time.monotonic()

    def script(model: ScoreModel, x: Tensor) -> Iterator[Tensor]:
        for _ in range(5000):
            yield x

    draw(script)
    assert len(looks) <= 2 + (time.monotonic() - started) / sampling.WATCH


def test_a_deadline_ends_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "WATCH", 0.02)

    def script(model: ScoreModel, x: Tensor) -> Iterator[Tensor]:
        while True:
            yield x

    noise = StreamNoise(0, range(2), (2,))
    model = sampling.CountedModel(Halving(), torch.float32)
    end, sampler = time.monotonic() + 0.1, Scripted(script=script)
    reading = sampling.reads(sampler, model, SIGMAS, noise, 2, [None], deadline=lambda: end)
    with pytest.raises(TimeLimitError, match="out of time"):
        next(reading)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (lambda model, x: iter(()), "yielded nothing"),
        (lambda model, x: iter([x[:1]]), r"\[1, 2\]"),
        (lambda model, x: iter([x.double()]), "torch.float64"),
    ],
)
def test_a_sampler_that_breaks_its_contract_is_named(script: object, told: str) -> None:
    with pytest.raises(PluginError, match=f"Scripted yielded.*{told}|{told}"):
        draw(script)


@pytest.mark.parametrize(
    ("sigmas", "told"),
    [
        ([], "a list of numbers"),
        ([[1.0]], "a list of numbers"),
        ([1.0, 1.0], "strictly decrease"),
        ([1.0, 2.0], "strictly decrease"),
        ([1.0, 0.0], "only a single level may be 0"),
        ([-1.0], "above 0"),
        ([float("nan")], "finite"),
        ([float("inf"), 1.0], "finite"),
    ],
)
def test_unusable_noise_levels_are_refused(sigmas: list[object], told: str) -> None:
    with pytest.raises(UserError, match=told):
        sampling.check_sigmas(torch.tensor(sigmas, dtype=torch.float64))


def test_a_single_level_may_be_zero() -> None:
    sampling.check_sigmas(torch.tensor([0.0], dtype=torch.float64))


@pytest.mark.parametrize(("count", "batch"), [(0, 1), (1, 0)])
def test_counts_must_be_positive(count: int, batch: int) -> None:
    with pytest.raises(UserError, match="at least 1"):
        draw(lambda model, x: iter([x]), count=count, batch_size=batch)


def test_statistics_are_means_over_all_samples() -> None:
    def script(model: ScoreModel, x: Tensor) -> Iterator[Tensor]:
        yield x
        return {"first": x[:, 0], "ones": torch.ones(len(x))}  # type: ignore[return-value]

    found = draw(script, count=5, batch_size=2)
    assert found.statistics["ones"] == 1
    assert found.statistics["first"] == pytest.approx(float(found.x[:, 0].mean()))


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ([1, 2], "returned list, not named statistics"),
        ({"rate": 0.3}, r"statistic rate is not a tensor of shape \[5\]"),
        ({"rate": torch.ones(5, 1)}, r"statistic rate is not a tensor of shape \[5\]"),
    ],
)
def test_statistics_of_another_kind_are_told(told: object, problem: str) -> None:
    def script(model: ScoreModel, x: Tensor) -> Iterator[Tensor]:
        yield x
        return told  # type: ignore[return-value]

    with pytest.raises(PluginError, match=problem):
        draw(script)


def test_a_sampler_that_cannot_walk_down_so_many_levels_says_so() -> None:
    langevin = scorebench.build("sampler", "langevin", step_size=0.1)
    with pytest.raises(UserError, match="langevin stays at one noise level"):
        scorebench.sample(Halving(), langevin, SIGMAS, 2)
