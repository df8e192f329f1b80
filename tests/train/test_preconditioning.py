"""What a network's output means, against the papers' formulas and finite differences."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from scorebench.train.preconditioning import LearnedField, Parametrisation, Preconditioning

WIDE = torch.float64
LEVELS = [0.01, 0.3, 1.0, 20.0]
SIGMA_DATA = 0.6
PRECONDITIONINGS = get_args(Preconditioning)


class Net(nn.Module):
    """A smooth network that depends on both of what it is told."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        weights = torch.randn(2, 3, generator=generator, dtype=WIDE)
        self.weights = nn.Parameter(weights)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        hidden = torch.tanh(x @ self.weights + noise[:, None])
        return hidden @ self.weights.T


def field(preconditioning: Preconditioning, parametrisation: Parametrisation) -> LearnedField:
    return LearnedField(Net(), preconditioning, parametrisation, SIGMA_DATA).eval()


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    sigma = torch.tensor(LEVELS, dtype=WIDE)
    spread = (sigma**2 + SIGMA_DATA**2).sqrt()[:, None]
    return spread * torch.randn(len(LEVELS), 2, generator=generator, dtype=WIDE), sigma


def test_edm_is_table_1_of_karras_et_al() -> None:
    x, sigma = batch()
    made = field("edm", "score")
    for row, level in zip(x, LEVELS, strict=True):
        total = level**2 + SIGMA_DATA**2
        c_skip, c_out = SIGMA_DATA**2 / total, level * SIGMA_DATA / math.sqrt(total)
        c_in, c_noise = 1 / math.sqrt(total), math.log(level) / 4
        inner = made.network((c_in * row)[None], torch.tensor([c_noise], dtype=WIDE))[0]
        found = made.denoise(row[None], torch.tensor([level], dtype=WIDE))[0]
        torch.testing.assert_close(found, c_skip * row + c_out * inner)
    assert made.score(x, sigma).shape == x.shape


def test_noise_and_none_are_the_papers() -> None:
    x, sigma = batch()
    seen = x / (sigma**2 + SIGMA_DATA**2).sqrt()[:, None]
    net = Net()
    told = sigma.log() / 4
    torch.testing.assert_close(
        field("noise", "score").score(x, sigma), net(seen, told) / sigma[:, None]
    )
    torch.testing.assert_close(field("none", "score").score(x, sigma), net(x, told))


@pytest.mark.parametrize("preconditioning", PRECONDITIONINGS)
@pytest.mark.parametrize("parametrisation", ["score", "energy"])
def test_score_and_denoiser_obey_tweedie(
    preconditioning: Preconditioning, parametrisation: Parametrisation
) -> None:
    x, sigma = batch()
    made = field(preconditioning, parametrisation)
    expected = x + sigma[:, None] ** 2 * made.score(x, sigma)
    torch.testing.assert_close(made.denoise(x, sigma), expected, rtol=1e-7, atol=1e-9)
    for row, level in zip(x, sigma, strict=True):  # σ may be a single number
        torch.testing.assert_close(made.score(row[None], level), made.score(row[None], level[None]))


@pytest.mark.parametrize("preconditioning", PRECONDITIONINGS)
def test_the_score_of_an_energy_is_its_slope_downhill(preconditioning: Preconditioning) -> None:
    x, sigma = batch()
    made = field(preconditioning, "energy")
    score = made.score(x, sigma)
    for axis in torch.eye(2, dtype=WIDE):
        step = 1e-5 * sigma[:, None] * axis
        ahead, behind = made.energy(x + step, sigma), made.energy(x - step, sigma)
        slope = (ahead - behind) / (2e-5 * sigma)
        torch.testing.assert_close(score @ axis, -slope, rtol=1e-5, atol=1e-5)


def test_an_energy_leaves_a_graph_in_training_alone() -> None:
    x, sigma = batch()
    made = field("edm", "energy")
    with torch.no_grad():
        assert not made.score(x, sigma).requires_grad
    loss = made.train().score(x, sigma).square().sum()
    (gradient,) = torch.autograd.grad(loss, list(made.parameters()))
    assert gradient.abs().sum() > 0
    assert not x.requires_grad


def test_only_none_is_defined_without_noise() -> None:
    x = batch()[0]
    assert field("none", "score").score(x, torch.zeros(len(x), dtype=WIDE)).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("parametrisation", ["score", "energy"])
def test_the_precision_of_x_is_kept(dtype: torch.dtype, parametrisation: Parametrisation) -> None:
    x, sigma = batch()
    made = LearnedField(Net().to(dtype), "edm", parametrisation, SIGMA_DATA).eval()
    for level in (sigma.float(), sigma.to(dtype)):
        for method in (made.score, made.denoise):
            assert method(x.to(dtype), level).dtype == dtype
