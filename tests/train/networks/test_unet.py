from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv2d, group_norm, silu

from scorebench.plugin.parameters import build, parameters_of
from scorebench.train.networks.unet import Block, UNet

SMALL = UNet(channels=(8, 16), embedding=6)


def trained(unet=SMALL, event_shape=(1, 8, 8), dtype=torch.float64):
    """A network whose last layer isn't zero any more."""
    torch.manual_seed(0)
    network = unet.build(event_shape)
    torch.nn.init.normal_(network.last.weight, std=0.1)
    return network.to(dtype)


def inputs(*shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return x.to(dtype), torch.linspace(-2.9, 1.9, shape[0]).to(dtype)


@pytest.mark.parametrize("event_shape", [(1, 8, 8), (3, 16, 12), (2, 4, 64)])
@pytest.mark.parametrize("channels", [(8,), (8, 12), (5, 16, 8)])
@pytest.mark.parametrize("blocks", [1, 2])
def test_shapes(event_shape, channels, blocks):
    network = trained(UNet(channels=channels, blocks=blocks), event_shape)
    for batch in (0, 1, 3):
        x, noise = inputs(batch, *event_shape)
        assert network(x, noise).shape == x.shape


def test_it_starts_at_zero():
    x, noise = inputs(5, 1, 8, 8)
    assert SMALL.build((1, 8, 8)).double()(x, noise).equal(torch.zeros_like(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_other_precisions_agree_with_float64(dtype):
    x, noise = inputs(6, 1, 8, 8)
    output = trained(dtype=dtype)(x.to(dtype), noise)
    assert output.dtype == dtype
    exact = trained()(x, noise)
    assert (output.double() - exact).abs().max() < 30 * torch.finfo(dtype).eps * exact.abs().max()


def test_channels_last_gives_the_same():
    network, (x, noise) = trained(), inputs(4, 1, 8, 8)
    other = trained().to(memory_format=torch.channels_last)
    output = other(x.to(memory_format=torch.channels_last), noise)
    assert output.allclose(network(x, noise), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("inputs_", [8, 12])
def test_a_block_is_what_it_says(inputs_):
    torch.manual_seed(0)
    block = Block(SMALL, inputs_, 8).double()
    h, embedding = torch.randn(3, inputs_, 4, 4).double(), torch.randn(3, 6).double()
    groups = {8: 8, 12: 4}[inputs_]
    normal = group_norm(h, groups, block.enter[0].weight, block.enter[0].bias)
    change = conv2d(silu(normal), block.enter[2].weight, block.enter[2].bias, padding=1)
    normal = group_norm(change, 8, block.normalise.weight, block.normalise.bias)
    scale, shift = block.modulate(embedding).reshape(3, 2, 8, 1, 1).unbind(1)
    change = silu(normal * (1 + scale) + shift)
    change = conv2d(change, block.leave[2].weight, block.leave[2].bias, padding=1)
    skipped = h if inputs_ == 8 else torch.einsum("oi,bihw->bohw", block.skip.weight[..., 0, 0], h)
    skipped = skipped if inputs_ == 8 else skipped + block.skip.bias[:, None, None]
    assert block(h, embedding).allclose(skipped + change, rtol=1e-10, atol=1e-12)


def test_resolutions_and_widths():
    network, seen = trained(UNet(channels=(8, 16, 24), blocks=2), (1, 16, 8)), []
    for module in network.modules():
        if isinstance(module, Block):
            module.register_forward_hook(lambda _, __, output: seen.append(output.shape[1:]))
    network(*inputs(1, 1, 16, 8))
    fine, middle, coarse = (8, 16, 8), (16, 8, 4), (24, 4, 2)
    there_and_back = [fine, middle, coarse, middle, fine]
    assert seen == [level for level in there_and_back for _ in range(2)]


def test_a_pixel_far_away_matters():
    network, (x, noise) = trained(UNet(channels=(8, 8, 8)), (1, 16, 16)), inputs(1, 1, 16, 16)
    x.requires_grad_()
    network(x, noise)[0, 0, 0, 0].backward()
    assert (x.grad != 0).all()


def test_number_of_weights():
    def block(inputs, outputs):
        convolutions = (9 * inputs + 1) * outputs + (9 * outputs + 1) * outputs
        skip = (inputs + 1) * outputs if inputs != outputs else 0
        return convolutions + skip + 2 * (inputs + outputs) + 7 * 2 * outputs

    ends = (9 + 1) * 8 + (9 * 8 + 1) + 2 * 8 + (12 + 1) * 6
    between = (9 * 8 + 1) * 16 + (9 * 16 + 1) * 8
    count = sum(w.numel() for w in SMALL.build((1, 8, 8)).parameters())
    assert count == ends + between + block(8, 8) + block(16, 16) + block(16, 8)


def test_a_sample_depends_on_itself_alone():
    network, (x, noise) = trained(), inputs(5, 1, 8, 8)
    whole = network(x, noise)
    for i in range(5):
        alone = network(x[i : i + 1], noise[i : i + 1])
        assert alone.allclose(whole[i : i + 1], rtol=1e-10, atol=1e-12)


def test_every_weight_and_both_inputs_get_a_gradient():
    network, (x, noise) = trained(UNet(channels=(8, 16), blocks=2)), inputs(3, 1, 8, 8)
    x.requires_grad_()
    noise.requires_grad_()
    network(x, noise).square().sum().backward()
    for name, weight in [*network.named_parameters(), ("x", x), ("noise", noise)]:
        assert weight.grad.abs().max() > 0, name


def test_it_can_be_differentiated_twice_in_x_and_then_in_the_weights():
    network = trained(UNet(channels=(4, 8), embedding=2), (1, 4, 4))
    names, weights = zip(*network.named_parameters(), strict=True)
    x, noise = inputs(2, 1, 4, 4)

    def energy(x, *weights):
        weights = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(network, weights, (x, noise)).square().sum()

    assert torch.autograd.gradgradcheck(energy, (x.requires_grad_(), *weights), fast_mode=True)


def test_dropout_acts_in_training_only():
    network, (x, noise) = trained(UNet(channels=(8,), dropout=0.5)), inputs(2, 1, 8, 8)
    assert not network(x, noise).equal(network(x, noise))
    network.eval()
    assert network(x, noise).equal(network(x, noise))
    assert network(x, noise).equal(trained(UNet(channels=(8,)))(x, noise))


def test_a_network_made_without_memory_needs_no_more_than_its_weights():
    network, (x, noise) = trained(), inputs(4, 1, 8, 8)
    with torch.device("meta"):
        other = SMALL.build((1, 8, 8))
    other.to_empty(device="cpu").double().load_state_dict(network.state_dict())
    assert other(x, noise).equal(network(x, noise))


@pytest.mark.parametrize(
    ("event_shape", "message"),
    [
        ((2,), "unet: needs images C×H×W, got samples of shape 2; try mlp"),
        ((8, 8), "unet: needs images C×H×W, got samples of shape 8×8; try mlp"),
        (
            (1, 8, 10),
            "3 resolutions need height and width to be multiples of 4, got .* 1×8×10; list",
        ),
    ],
)
def test_shapes_that_do_not_fit(event_shape, message):
    with pytest.raises(ValueError, match=message):
        UNet(channels=(8, 8, 8)).build(event_shape)


def test_parameters_are_validated():
    assert build(UNet, {"channels": [16, 32], "dropout": 0.1}) == (
        UNet(channels=(16, 32), dropout=0.1),
        [],
    )
    for name, value in [("channels", []), ("channels", [0]), ("blocks", 0), ("dropout", 1)]:
        assert build(UNet, {name: value})[1][0][0] == name
    assert all(p.doc for p in parameters_of(UNet).values())
