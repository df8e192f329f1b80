from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scorebench.running.noise import BLOCK, StreamNoise, stream_seeds

SHAPES = [(2,), (1, 8, 8), (3, 32, 32)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("draw", ["normal", "uniform"])
def test_a_sample_does_not_depend_on_its_batch(shape: tuple[int, ...], draw: str) -> None:
    together = StreamNoise(3, range(6), shape)
    shuffled = StreamNoise(3, [5, 0, 4], shape)
    alone = StreamNoise(3, [4], shape)
    for _ in range(2 + BLOCK // math.prod(shape)):  # across the border of a block
        x, y, z = (getattr(noise, draw)() for noise in (together, shuffled, alone))
        assert torch.equal(x[[5, 0, 4]], y)
        assert torch.equal(x[4:5], z)


@pytest.mark.parametrize("shape", SHAPES)
def test_normal_has_the_moments_of_a_standard_normal(shape: tuple[int, ...]) -> None:
    noise = StreamNoise(0, range(64), shape)
    x = torch.cat([noise.normal().flatten() for _ in range(200)])
    spread = 1 / math.sqrt(len(x))
    assert abs(x.mean()) < 5 * spread
    assert abs(x.var() - 1) < 5 * math.sqrt(2) * spread
    assert abs((x**4).mean() - 3) < 5 * math.sqrt(96) * spread


def test_uniform_lies_in_the_half_open_unit_interval_evenly() -> None:
    noise = StreamNoise(0, range(64), (2,))
    x = torch.cat([noise.uniform().flatten() for _ in range(500)])
    assert x.min() >= 0
    assert x.max() < 1
    counts = torch.histc(x, bins=10, min=0, max=1)
    assert (counts - len(x) / 10).abs().max() < 5 * math.sqrt(len(x) * 0.09)


def test_samples_steps_seeds_and_purposes_are_uncorrelated() -> None:
    n = 4000
    first = StreamNoise(0, range(n), (2,))
    a, b = first.normal(), first.normal()
    others = [
        b[:, 0],
        a[:, 1],
        a[:, 0].roll(1),
        first.uniform()[:, 0],
        StreamNoise(1, range(n), (2,)).normal()[:, 0],
        StreamNoise(0, range(n), (2,), purpose="reference").normal()[:, 0],
    ]
    for other in others:
        correlation = torch.corrcoef(torch.stack([a[:, 0], other]))[0, 1]
        assert abs(correlation) < 5 / math.sqrt(n)


def test_precisions_share_their_numbers() -> None:
    single = StreamNoise(0, range(4), (3,)).normal()
    double = StreamNoise(0, range(4), (3,), dtype=torch.float64).normal()
    assert double.dtype == torch.float64
    assert torch.equal(single.double(), double)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_draw_may_be_changed_without_touching_later_ones(shape: tuple[int, ...]) -> None:
    spoiled, clean = StreamNoise(0, range(3), shape), StreamNoise(0, range(3), shape)
    held = spoiled.normal()
    before = held.clone()
    clean.normal()
    spoiled.normal().zero_()
    clean.normal()
    for _ in range(BLOCK // math.prod(shape) + 1):
        assert torch.equal(spoiled.normal(), clean.normal())
    assert torch.equal(held, before)


def test_global_random_state_is_neither_used_nor_changed() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    x = StreamNoise(0, range(3), (2,)).normal()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(StreamNoise(0, range(3), (2,)).normal(), x)


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50, unique=True),
)
def test_distinct_samples_never_share_a_stream(seed: int, indices: list[int]) -> None:
    seeds = stream_seeds(seed, indices, "sampler/normal")
    assert len(set(seeds)) == len(indices)
    assert all(0 <= s < 2**32 for s in seeds)


def test_a_hundred_thousand_samples_have_a_stream_each() -> None:
    assert len(set(stream_seeds(0, range(100_000), "sampler/normal"))) == 100_000
