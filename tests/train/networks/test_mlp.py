from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import silu

from scorebench.plugin.parameters import build, parameters_of
from scorebench.train.networks.embedding import NoiseEmbedding
from scorebench.train.networks.mlp import MLP


def trained(event_shape=(2,), dtype=torch.float64, **parameters):
    """A network whose last layer isn't zero any more."""
    torch.manual_seed(0)
    network = MLP(**parameters).build(event_shape)
    torch.nn.init.normal_(network.last.weight, std=0.1)
    return network.to(dtype)


def inputs(*shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return x.to(dtype), torch.linspace(-2.9, 1.9, shape[0]).to(dtype)


@given(
    event_shape=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    batch=st.integers(0, 5),
    width=st.integers(1, 9),
    depth=st.integers(1, 4),
)
def test_any_shape_any_batch(event_shape, batch, width, depth):
    network = trained(tuple(event_shape), width=width, depth=depth)
    x, noise = inputs(batch, *event_shape)
    assert network(x, noise).shape == x.shape


def test_it_starts_at_zero():
    x, noise = inputs(5, 3, 2)
    assert MLP().build((3, 2)).double()(x, noise).equal(torch.zeros_like(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_other_precisions_agree_with_float64(dtype):
    x, noise = inputs(20, 2)
    output = trained(dtype=dtype)(x.to(dtype), noise)
    assert output.dtype == dtype
    exact = trained()(x, noise)
    assert (output.double() - exact).abs().max() < 30 * torch.finfo(dtype).eps * exact.abs().max()


def test_it_is_what_it_says_for_one_sample():
    network = trained((2,), width=5, depth=2)
    x, noise = inputs(1, 2)
    waves = [f(2.0**octave * noise.item()) for f in (math.cos, math.sin) for octave in range(-1, 5)]
    embedding = silu(network.embed.linear(torch.tensor(waves, dtype=torch.float64)))
    scales, shifts = network.modulate(embedding).reshape(2, 2, 5)
    h = x[0]
    for layer, scale, shift in zip(network.hidden, scales, shifts, strict=True):
        h = silu((1 + scale) * layer(h) + shift)
    assert network(x, noise)[0].allclose(network.last(h), rtol=1e-10, atol=1e-12)


def test_number_of_weights():
    width, depth, dimension, waves = 128, 3, 2, 12
    embedding = (waves + 1) * width + (width + 1) * 2 * depth * width
    hidden = (dimension + 1) * width + (depth - 1) * (width + 1) * width
    last = (width + 1) * dimension
    count = sum(w.numel() for w in MLP().build((2,)).parameters())
    assert count == embedding + hidden + last


def test_a_sample_depends_on_itself_alone():
    network, (x, noise) = trained(), inputs(7, 2)
    whole = network(x, noise)
    for i in range(7):
        alone = network(x[i : i + 1], noise[i : i + 1])
        assert alone.allclose(whole[i : i + 1], rtol=1e-10, atol=1e-12)


def test_every_weight_and_both_inputs_get_a_gradient():
    network, (x, noise) = trained(), inputs(6, 2)
    x.requires_grad_()
    noise.requires_grad_()
    network(x, noise).square().sum().backward()
    for name, weight in [*network.named_parameters(), ("x", x), ("noise", noise)]:
        assert weight.grad.abs().max() > 0, name


def test_it_can_be_differentiated_twice_in_x_and_then_in_the_weights():
    network = trained(width=6)
    names, weights = zip(*network.named_parameters(), strict=True)
    x, noise = inputs(3, 2)

    def energy(x, *weights):
        weights = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(network, weights, (x, noise)).square().sum()

    assert torch.autograd.gradgradcheck(energy, (x.requires_grad_(), *weights), fast_mode=True)


def test_nearby_noise_levels_are_told_apart_and_far_ones_are_not_confused():
    torch.manual_seed(0)
    levels = torch.logspace(-5, 3.5, 120, dtype=torch.float64)  # ratio of 1.18
    embedding = NoiseEmbedding(64).double()(levels.log() / 4)
    distances = torch.cdist(embedding, embedding)
    neighbours = distances.diagonal(1)
    assert neighbours.min() > 0.05
    far = (torch.arange(120)[:, None] - torch.arange(120)).abs() > 3
    assert distances[far].min() > neighbours.min()


def test_a_network_made_without_memory_needs_no_more_than_its_weights():
    network, (x, noise) = trained(), inputs(4, 2)
    with torch.device("meta"):
        other = MLP().build((2,))
    other.to_empty(device="cpu").double().load_state_dict(network.state_dict())
    assert other(x, noise).equal(network(x, noise))


@pytest.mark.parametrize(("name", "most"), [("width", 65_536), ("depth", 100)])
def test_parameters_are_validated(name, most):
    assert build(MLP, {name: 2}) == (MLP(**{name: 2}), [])
    assert build(MLP, {name: 0})[1] == [(name, f"expected int > 0 ≤ {most}, got 0")]
    assert all(p.doc for p in parameters_of(MLP).values())
