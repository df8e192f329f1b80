"""Every kind of network against a Gaussian's closed form, and how networks are made."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

import scorebench
from scorebench import Context, ParameterError, UserError, per_sample
from scorebench_plugins.score_models.prediction import vp_time

MEAN, VARIANCE = 1.5, 0.3
SIGMAS = torch.tensor([1e-3, 0.03, 0.5, 2.0, 80.0, 140.0], dtype=torch.float64)
BETAS = {"beta_min": 0.2, "beta_max": 15.0}


def load(target: str, dtype: str = "float64", **parameters: Any) -> Any:
    given = {"event_shape": [2], "prediction": "score", **parameters}
    component = scorebench.build("score_model", "module", target=target, **given)
    return component.load(Context(dtype=dtype))


def gaussian(prediction: str, coordinates: str, conditioning: str, betas: Any) -> Any:
    """The network for N(1.5, 0.3·I) that a perfect training would find: from the joint law of
    x̃ = a·x₀ + b·ε with what is predicted; in ve coordinates a = 1 and b = σ, but for v."""

    def network(x: Tensor, noise: Tensor) -> Tensor:
        if conditioning == "sigma":
            sigma = noise
        elif conditioning == "log_sigma":
            sigma = noise.exp()
        else:
            rise = betas["beta_max"] - betas["beta_min"]
            sigma = (noise**2 * rise / 2 + noise * betas["beta_min"]).expm1().sqrt()
        sigma = per_sample(sigma, x)
        a = 1 / (1 + sigma**2).sqrt()
        signal, spread = (1, sigma) if coordinates == "ve" else (a, a * sigma)
        away = (x - signal * MEAN) / (signal**2 * VARIANCE + spread**2)
        clean, noise_free = MEAN + signal * VARIANCE * away, spread * away
        return {
            "score": -away,
            "denoiser": clean,
            "x0": clean,
            "epsilon": noise_free,
            "v": a * noise_free - a * sigma * clean,
        }[prediction]

    return network


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], str]:
    """Makes an object importable, and names it."""

    def name(thing: Any) -> str:
        monkeypatch.setattr(
            "scorebench_plugins.score_models.module.installed", thing, raising=False
        )
        return "scorebench_plugins.score_models.module:installed"

    return name


@pytest.mark.parametrize("prediction", ["score", "denoiser", "epsilon", "v", "x0"])
@pytest.mark.parametrize("coordinates", ["ve", "vp"])
@pytest.mark.parametrize("conditioning", ["sigma", "log_sigma", "time"])
def test_every_kind_of_network_tells_the_same_score(
    install: Callable[[Any], str], prediction: str, coordinates: str, conditioning: str
) -> None:
    network = gaussian(prediction, coordinates, conditioning, BETAS)
    how = {"prediction": prediction, "coordinates": coordinates, "conditioning": conditioning}
    settings: dict[str, Any] = {**how, **BETAS}
    model = load(install(network), **settings)
    exact = scorebench.load(
        "score_model", "gaussian", dtype="float64", mean=[MEAN] * 2, std=math.sqrt(VARIANCE)
    )
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(len(SIGMAS), 2, generator=generator, dtype=torch.float64)
    x = MEAN + (VARIANCE + SIGMAS[:, None] ** 2).sqrt() * normal
    for at, sigma in [(x, SIGMAS), *((x[i : i + 1], SIGMAS[i]) for i in range(len(x)))]:
        size = 1 + at.abs()
        denoised, score = model.denoise(at, sigma), model.score(at, sigma)
        assert float(((denoised - exact.denoise(at, sigma)) / size).abs().max()) < 1e-12
        level = per_sample(sigma, at)
        error = (score - exact.score(at, sigma)) * level.minimum(level**2) / size
        assert float(error.abs().max()) < 1e-12


@given(sigma=st.floats(1e-6, 150), low=st.floats(1e-3, 10), rise=st.floats(0, 30))
def test_time_is_that_of_the_sde(sigma: float, low: float, rise: float) -> None:
    time = vp_time(torch.tensor(sigma, dtype=torch.float64), low, low + rise)
    back = (time**2 * rise / 2 + time * low).expm1().sqrt()
    assert float(back) == pytest.approx(sigma, rel=1e-9)


def test_the_published_time_ends_at_one() -> None:
    last = torch.tensor(10.05, dtype=torch.float64).expm1().sqrt()
    assert float(vp_time(last, 0.1, 20.0)) == pytest.approx(1, abs=1e-14)
    assert float(vp_time(0 * last, 0.1, 20.0)) == 0


def test_networks_are_told_a_level_for_each_sample_in_their_precision(
    install: Callable[[Any], str],
) -> None:
    seen: list[Tensor] = []

    def network(x: Tensor, noise: Tensor) -> Tensor:
        seen.extend([x, noise])
        return -x

    for dtype in (torch.float16, torch.float32, torch.float64):
        model = load(install(network), str(dtype).removeprefix("torch."), coordinates="vp")
        x = torch.full((3, 2), 600.0, dtype=dtype)
        for sigma in (torch.tensor(300.0), torch.full((3,), 300.0, dtype=torch.float64)):
            score = model.score(x, sigma)
            assert score.dtype == model.denoise(x, sigma).dtype == dtype
            torch.testing.assert_close(seen[-2], torch.full_like(x, 2.0), rtol=1e-3, atol=0)
            assert seen[-1].shape == (3,)
            assert (seen[-1] == 300).all()
            assert seen[-2].dtype == seen[-1].dtype == dtype
        assert (x == 600).all()


NETWORKS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.body = nn.Linear(2, width)
        self.norm = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(width, 2)

    def forward(self, x, noise):
        return self.head(self.drop(self.norm(self.body(x)))) / noise[:, None]

net = Net()

def make(scale, *, width=3):
    return lambda x, noise: scale * x

def score(x, noise):
    return -x

def blind(x, noise):
    return x.sum(1)

number = 3
"""


@pytest.fixture
def networks(write_plugin: Callable[..., Path]) -> Path:
    """A file of networks and factories."""
    return write_plugin(NETWORKS, "networks.py")


X, ONE = torch.tensor([[1.0, 2.0], [3.0, -4.0]]).double(), torch.tensor(1.0).double()


def test_a_network_is_copied_and_made_ready(networks: Path) -> None:
    single, double = (load(f"{networks}:net", dtype) for dtype in ("float32", "float64"))
    for model, dtype in ((single, torch.float32), (double, torch.float64)):
        assert {p.dtype for p in model.network.parameters()} == {dtype}
        assert not any(p.requires_grad for p in model.network.parameters())
        assert not model.network.training
        found = model.score(X.to(dtype), ONE)
        assert not found.requires_grad
        torch.testing.assert_close(found[:1], model.score(X[:1].to(dtype), ONE))
    torch.testing.assert_close(
        single.score(X.float(), ONE).double(), double.score(X, ONE), rtol=1e-5, atol=1e-5
    )


def test_a_class_or_factory_is_called_with_its_arguments(networks: Path) -> None:
    wide = load(f"{networks}:Net", arguments={"width": 7})
    state = torch.get_rng_state()
    assert wide.network.body.out_features == 7
    first, again = (load(f"{networks}:Net") for _ in range(2))
    assert first.network.body.out_features == 3
    assert torch.equal(first.score(X, ONE), again.score(X, ONE))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(load(f"{networks}:make", arguments={"scale": -2}).score(X, ONE), -2 * X)


def test_weights_are_read_strictly_and_belong_to_one_model(networks: Path, tmp_path: Path) -> None:
    net = load(f"{networks}:net", "float32").network
    plain = load(f"{networks}:net")
    files = []
    for factor in (1, 2):
        state = {name: factor * value for name, value in net.state_dict().items()}
        files.append(tmp_path / f"{factor}.safetensors")
        save_file(state, files[-1])
    one, two = (load(f"{networks}:net", weights=str(file)) for file in files)
    assert torch.equal(one.score(X, ONE), plain.score(X, ONE))
    assert torch.equal(two.network.head.weight, 2 * one.network.head.weight)
    save_file({"head.weight": torch.zeros(2, 3)}, tmp_path / "part.safetensors")
    (tmp_path / "noise.safetensors").write_bytes(b"\x80\x04K\x01.")
    for name, told in (
        ("part", "can't be .*net's weights: Error.* in loading state_dict for Net: Missing key"),
        ("noise", "can't be .*net's weights"),
        ("absent", "there are no weights .*absent.safetensors"),
    ):
        with pytest.raises(UserError, match=told) as raised:
            load(f"{networks}:net", weights=str(tmp_path / f"{name}.safetensors"))
        assert "\n" not in str(raised.value)
    with pytest.raises(UserError, match=r"weights are for an nn\.Module, which .*score is not"):
        load(f"{networks}:score", weights=str(files[0]))


@pytest.mark.parametrize(
    ("name", "parameters", "told"),
    [
        ("number", {}, "gives int, no function"),
        ("nett", {}, "has no nett; did you mean net"),
        ("net", {"arguments": {}}, "is a network already and takes no arguments"),
        ("make", {"arguments": {}}, "can't be called: make.. missing 1 required positional arg"),
        ("Net", {"arguments": {"w": 3}}, "can't be called: .* unexpected keyword argument 'w'"),
    ],
)
def test_unfit_targets_are_told(
    networks: Path, name: str, parameters: dict[str, Any], told: str
) -> None:
    with pytest.raises(UserError, match=told):
        load(f"{networks}:{name}", **parameters)


def test_an_output_of_another_shape_is_told(networks: Path) -> None:
    with pytest.raises(UserError, match=r"blind gave shape \[2\] for x \[2, 2\]"):
        load(f"{networks}:blind").score(X, ONE)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "parameter target is required; parameter event_shape is required; parameter predic"),
        ({"target": "net"}, "target: 'net': expected package.module:attribute or folder/file.py"),
        ({"prediction": "eps"}, "prediction: expected score or denoiser or epsilon or v or x0"),
        ({"beta_min": 0}, "beta_min: expected float > 0"),
    ],
)
def test_bad_parameters_are_told(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        scorebench.build("score_model", "module", **parameters)


def test_betas_rise() -> None:
    with pytest.raises(ParameterError, match="beta_max 1 is below beta_min 2"):
        load("a:b", beta_min=2, beta_max=1)
