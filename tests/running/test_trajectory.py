from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from scorebench.running.cell import Result
from scorebench.running.measuring import run_cell
from scorebench.running.pixels import to_uint8
from scorebench.running.plan import make_plan
from scorebench.running.trajectory import SAMPLES, STATES, Snapshots
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite

SHAPE = (6, 1, 4, 4)
BITS = 2 ** torch.arange(16)


def recorded(states: Iterable[Tensor], value_range: tuple[float, float] = (-1, 1)) -> Any:
    snapshots = Snapshots(SHAPE, value_range)
    for state in states:
        snapshots.add(state)
    return snapshots.images(state)


def numbered(number: int) -> Tensor:
    """A state whose pixels are the bits of a number, −1 or 1."""
    bits = (number // BITS % 2).reshape(1, 1, 4, 4).float()
    return (2 * bits - 1).expand(SHAPE)


def noise(seed: int) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


@given(st.integers(2, 3000))
def test_states_are_spread_from_the_first_to_the_last(length: int) -> None:
    images = recorded(map(numbered, range(length)))
    assert images.shape == (SAMPLES, min(STATES, length), 1, 4, 4)
    found = ((images[0] == 255).reshape(-1, 16) * BITS.numpy()).sum(1)
    assert (found[0], found[-1]) == (0, length - 1)
    gaps = np.diff(found)
    assert gaps.min() >= 1
    assert gaps.max() <= max(1, 2 * (length - 1) / (STATES - 1))  # twice the mean gap


def test_a_single_state_is_no_trajectory() -> None:
    assert recorded([noise(0)]) is None


@pytest.mark.parametrize("count", [1, 3])
def test_of_a_small_batch_all_samples_are_kept(count: int) -> None:
    snapshots = Snapshots((count, 3, 2, 5), (0, 1))
    for _ in range(2):
        snapshots.add(torch.zeros(count, 3, 2, 5))
    images = snapshots.images(torch.zeros(count, 3, 2, 5))
    assert images is not None
    assert images.shape == (count, 2, 3, 2, 5)


def test_memory_is_a_few_samples_of_a_few_states() -> None:
    shape = (6, 1, 3, 7)
    snapshots = Snapshots(shape, (-1, 1))
    for _ in range(500):
        state = torch.zeros(shape)
        snapshots.add(state)
    given_last = weakref.ref(state)
    del state
    assert given_last() is None
    kept = [t for t in gc.get_objects() if type(t) is Tensor and t.shape[-3:] == shape[1:]]
    values = sum(t.untyped_storage().nbytes() for t in kept) / 4
    assert values == 2 * STATES * SAMPLES * math.prod(shape[1:])


def test_nothing_waits_for_the_device_while_states_go_by() -> None:
    snapshots = Snapshots(SHAPE, (-1, 1))
    for _ in range(100):
        snapshots.add(torch.empty(SHAPE, device="meta"))  # whose values can't be had


def test_states_are_copied_without_their_gradients() -> None:
    state = noise(0).requires_grad_()
    sample = 0.5 * noise(1)
    before = recorded([state, sample])
    snapshots = Snapshots(SHAPE, (-1, 1))
    snapshots.add(state)
    with torch.no_grad():
        state.zero_()
    snapshots.add(sample)
    assert np.array_equal(snapshots.images(sample), before)  # type: ignore[arg-type]


RANGES = [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0), (-3.0, 5.0)]


@pytest.mark.parametrize("value_range", RANGES)
def test_the_last_state_is_the_sample_and_others_are_shrunk_to_its_spread(
    value_range: tuple[float, float],
) -> None:
    middle, half = sum(value_range) / 2, (value_range[1] - value_range[0]) / 2
    x = 0.6 * noise(0)  # some of it beyond the range
    narrow, wide = 0.1 * x, 7 * x
    images = recorded([middle + half * s for s in (wide, narrow, x)], value_range)
    sample = to_uint8(x[:SAMPLES], (-1, 1)).numpy()
    for found, expected in zip(
        images.swapaxes(0, 1),
        (sample, to_uint8(narrow[:SAMPLES], (-1, 1)).numpy(), sample),
        strict=True,
    ):
        np.testing.assert_allclose(found.astype(float), expected.astype(float), atol=1)


def test_noise_on_data_is_divided_by_its_share_of_the_spread() -> None:
    shape, sigma, spread = (SAMPLES, 1, 100, 100), 3.0, 0.25
    data, disturbance = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    snapshots = Snapshots(shape, (-1, 1))
    states = [spread * data + sigma * disturbance, spread * data]
    for state in states:
        snapshots.add(state)
    images = snapshots.images(states[-1])
    assert images is not None
    expected = to_uint8(states[0] / math.sqrt(1 + sigma**2 / spread**2), (-1, 1)).numpy()
    assert np.abs(images[:, 0].astype(float) - expected).max() <= 3


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_state_that_is_not_finite_spoils_no_other(bad: float) -> None:
    good = recorded([noise(0), noise(1), 0.3 * noise(2)])
    images = recorded([noise(0), torch.full(SHAPE, bad), 0.3 * noise(2)])
    assert np.array_equal(images[:, [0, 2]], good[:, [0, 2]])
    assert (images[:, 1] == 128).all()


def test_one_nan_is_shown_as_the_middle_and_the_rest_as_ever() -> None:
    state = noise(0)
    state[0, 0, 0, 0] = 0
    spotted = state.clone()
    spotted[0, 0, 0, 0] = math.nan
    sample = 0.3 * noise(1)
    assert np.array_equal(recorded([spotted, sample]), recorded([state, sample]))


def test_a_sample_in_the_middle_of_the_range_is_shown() -> None:
    assert (recorded([noise(0), torch.zeros(SHAPE), torch.zeros(SHAPE)]) == 128).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_states_may_be_of_any_precision(dtype: torch.dtype) -> None:
    assert recorded([noise(0).to(dtype), noise(1).to(dtype)]).shape == (SAMPLES, 2, 1, 4, 4)


PLUGIN = """
    from dataclasses import dataclass
    import torch, scorebench

    class Drawn(scorebench.ScoreModel):
        device, dtype = torch.device("cpu"), torch.float32

        def __init__(self, event_shape, value_range):
            self.event_shape, self.value_range = event_shape, value_range

        def denoise(self, x, sigma):
            return 0.1 + (x - 0.1) / (1 + 9 * sigma**2)

        def draw(self, count, noise):
            return 0.1 + noise.normal() / 3

    @dataclass(frozen=True, kw_only=True)
    class Model:
        shape: list[int] = (1, 4, 4)
        bounded: bool = True

        def load(self, context):
            return Drawn(tuple(self.shape), (-1.0, 1.0) if self.bounded else None)

    @dataclass(frozen=True, kw_only=True)
    class Awkward(scorebench.Sampler):
        what: str

        @property
        def coupled(self):
            return self.what == "coupled"

        def trajectory(self, model, sigmas, noise):
            x = self.start(model, sigmas[0], noise)
            for sigma in sigmas:
                x = model.denoise(x, sigma) + 0.1 * noise.normal()
                if self.what == "coupled":
                    x = x - x.mean(0)
                yield x * float("nan") if self.what == "nan" else x
            if self.what == "strange":
                yield from (None, "text", x[:1], x.sum(), x.numpy(), x[0], x.flatten(1))
            if self.what == "gradient":
                with torch.enable_grad():
                    yield x * torch.ones((), requires_grad=True)
            if self.what == "diverges":
                yield x * float("inf")
            elif self.what == "breaks":
                yield x[:, :, :1]
            else:
                yield x
            return {"brightness": x.mean((1, 2, 3))}

    class Flat:
        def __call__(self, batch):
            return scorebench.Features(batch.double().flatten(1)[:, :2])

    @dataclass(frozen=True, kw_only=True)
    class Corner(scorebench.FeatureExtractor):
        def load(self, context):
            return Flat()

    @scorebench.hookimpl
    def scorebench_score_models():
        yield scorebench.Component("drawn", Model)

    @scorebench.hookimpl
    def scorebench_samplers():
        yield scorebench.Component("awkward", Awkward)

    @scorebench.hookimpl
    def scorebench_feature_extractors():
        yield scorebench.Component("corner", Corner)
"""


@pytest.fixture
def run(
    small_suite: dict[str, Any], write_suite: Callable[..., Path], write_plugin: Callable[..., Path]
) -> Callable[..., Result]:
    """Run a cell of one sampler on a model of images; four noise levels."""

    def go(sampler: Any, model: Any = "drawn", **changes: Any) -> Result:
        write_plugin(PLUGIN, "drawn.py")
        block = {"model": model, "sampler": sampler}
        block["schedule"] = {"name": "geometric", "n": 4, "sigma_max": 5, "sigma_min": 0.1}
        suite = {**small_suite, "plugins": ["drawn.py"], "features": "corner", **changes}
        bench = Workbench(load_suite(write_suite({**suite, "sweep": [block]})), torch.device("cpu"))
        return run_cell(bench, make_plan(bench).cells[0])

    return go


def awkward(what: str) -> dict[str, str]:
    return {"name": "awkward", "what": what}


TIMES = {"samples_per_second", "peak_memory_mb", "finished"}


def numbers(result: Result) -> dict[str, Any]:
    row = result.row
    return {k: v for k, v in row.items() if not k.startswith("seconds") and k not in TIMES}


@pytest.mark.parametrize(
    "sampler",
    [
        "heun",
        {"name": "annealed_langevin", "step_size": 0.01, "steps_per_level": 20},
        *map(awkward, ["fine", "coupled", "nan", "strange", "gradient"]),
    ],
    ids=str,
)
def test_recording_changes_no_number(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, sampler: Any
) -> None:
    watched = run(sampler)
    monkeypatch.setattr(Snapshots, "add", lambda *_: None)
    alone = run(sampler)
    assert alone.trajectory is None
    assert watched.trajectory is not None
    assert numbers(watched) == numbers(alone)
    assert watched.row["status"] == "ok"
    assert np.array_equal(watched.grid, alone.grid)  # type: ignore[arg-type]


@pytest.mark.parametrize("batch_size", [2, 16, 100])
def test_a_trajectory_ends_in_the_first_samples_of_the_grid(
    run: Callable[..., Result], batch_size: int
) -> None:
    result = run("euler", batch_size=batch_size)
    assert result.grid is not None
    assert result.trajectory is not None
    kept = min(SAMPLES, batch_size)
    assert result.trajectory.shape == (kept, 5, 1, 4, 4)
    ends = result.trajectory[:, -1].astype(float)
    np.testing.assert_allclose(ends, result.grid[:kept].astype(float), atol=1)


def test_statistics_of_a_watched_sampler_become_columns(run: Callable[..., Result]) -> None:
    assert run(awkward("fine")).row["brightness"] == pytest.approx(0.1, abs=0.05)


def test_a_coupled_sampler_keeps_its_flag(run: Callable[..., Result]) -> None:
    assert run(awkward("coupled")).row["coupled"]


def test_what_a_sampler_yields_besides_states_is_passed_over(run: Callable[..., Result]) -> None:
    trajectory = run(awkward("strange")).trajectory
    assert trajectory is not None
    assert trajectory.shape == (SAMPLES, 5, 1, 4, 4)


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("breaks", "Awkward yielded torch.float32 [16, 1, 1, 4] instead of"),
        ("diverges", "16 of a batch of 16 samples not finite at the end"),
    ],
)
def test_a_sampler_that_fails_is_told_as_ever_and_leaves_no_picture(
    run: Callable[..., Result], what: str, error: str
) -> None:
    result = run(awkward(what))
    assert result.row["error"].startswith(error)
    assert result.grid is None
    assert result.trajectory is None


@pytest.mark.parametrize("model", [{"shape": [2], "bounded": True}, {"bounded": False}])
def test_samples_that_are_no_images_are_not_recorded(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, model: dict[str, Any]
) -> None:
    monkeypatch.setattr(Snapshots, "add", lambda *_: pytest.fail("a state was recorded"))
    result = run("euler", {"name": "drawn", **model})
    assert result.row["status"] == "ok"
    assert result.trajectory is None
