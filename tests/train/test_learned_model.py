"""A trained network as a score model: the laws that tie score, denoiser and density together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from scorebench.train.learned_model import LearnedEnergyModel, LearnedModel
from scorebench.train.networks import MLP
from scorebench.train.preconditioning import LearnedField, Parametrisation

WIDE = torch.float64


def model(kind: type[LearnedModel], parametrisation: Parametrisation) -> LearnedModel:
    torch.manual_seed(0)
    network = MLP(width=8, depth=2).build((3,))
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.4)
    field = LearnedField(network, "edm", parametrisation, 0.8)
    return kind(field, (3,), (-1.0, 1.0), torch.device("cpu"), WIDE)


def points() -> Tensor:
    return torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=WIDE)


BOTH = [(LearnedModel, "score"), (LearnedEnergyModel, "energy")]


@pytest.mark.parametrize(("kind", "parametrisation"), BOTH)
@pytest.mark.parametrize("sigma", [0.1, 2.0])
def test_score_and_denoiser_agree(
    kind: type[LearnedModel], parametrisation: Parametrisation, sigma: float
) -> None:
    made, x, level = model(kind, parametrisation), points(), torch.tensor(sigma, dtype=WIDE)
    score = made.score(x, level)
    torch.testing.assert_close(made.denoise(x, level), x + level**2 * score)
    torch.testing.assert_close(made.score(x, level.expand(5)), score)
    assert not score.requires_grad
    assert not made.denoise(x, level).requires_grad
    assert score.dtype == WIDE


def test_the_score_is_the_slope_of_the_density() -> None:
    made, x, level = model(LearnedEnergyModel, "energy"), points(), torch.tensor(0.7, dtype=WIDE)
    assert isinstance(made, LearnedEnergyModel)
    step, slopes = 1e-5, []
    for i in range(3):
        move = step * torch.eye(3, dtype=WIDE)[i]
        slopes.append(
            (made.log_prob(x + move, level) - made.log_prob(x - move, level)) / (2 * step)
        )
    torch.testing.assert_close(made.score(x, level), torch.stack(slopes, 1), rtol=1e-6, atol=1e-8)
    assert not made.log_prob(x, level).requires_grad


def test_a_field_of_scores_has_no_density() -> None:
    assert not hasattr(model(LearnedModel, "score"), "log_prob")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_an_energy_in_half_precision_is_as_good_as_its_input(dtype: torch.dtype) -> None:
    """x − D is far smaller than x where σ is small: computed in half precision it would be lost."""
    level = torch.tensor(0.01, dtype=torch.float32)
    exact = model(LearnedEnergyModel, "energy")
    field = LearnedField(exact.field.network, "edm", "energy", 0.8)
    half = LearnedEnergyModel(field, (3,), None, torch.device("cpu"), dtype)
    x = points().to(dtype)
    expected = half.score(x.float(), level)
    torch.testing.assert_close(half.score(x, level).float(), expected, rtol=1e-2, atol=1e-3)
    assert {half.score(x, level).dtype, half.denoise(x, level).dtype} == {dtype}
    assert half.log_prob(x, level).dtype == dtype
