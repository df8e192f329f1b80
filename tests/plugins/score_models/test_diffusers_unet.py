"""Networks saved by diffusers against slow formulas, diffusers' own sampler and exact models."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import scorebench
from scorebench import Context, ParameterError, SuiteError, UserError
from scorebench.testing import run_checks
from scorebench_plugins.score_models.hub_name import HubName

STEPS = 50
WEIGHTS = "diffusion_pytorch_model.safetensors"
Save = Callable[..., Path]


def tiny(**settings: Any) -> Any:
    """A network of 5,000 random weights for images [2, 8, 8]."""
    usual = {
        "sample_size": 8,
        "in_channels": 2,
        "out_channels": 2,
        "block_out_channels": (8, 8),
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "attention_head_dim": 4,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return diffusers.UNet2DModel(**{**usual, **settings})


def ddpm(**settings: Any) -> Any:
    usual = {"num_train_timesteps": STEPS, "beta_end": 0.2, "clip_sample": False}
    return diffusers.DDPMScheduler(**{**usual, **settings})


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Saves a pipeline, either each part in a folder of its own or all in one."""

    def save(network: Any, scheduler: Any, name: str = "tiny", root: bool = False) -> Path:
        folder = tmp_path / name
        network.save_pretrained(folder if root else folder / "unet")
        scheduler.save_pretrained(folder if root else folder / "scheduler")
        return folder

    return save


def load(checkpoint: Path | str, dtype: str = "float64", **parameters: Any) -> Any:
    component = scorebench.build("score_model", "diffusers", checkpoint=checkpoint, **parameters)
    return component.load(Context(dtype=dtype))


def normal(count: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 2, 8, 8, generator=generator, dtype=torch.float64)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("root", [False, True])
def test_at_whole_timesteps_the_denoiser_is_that_of_the_paper(
    save: Save, prediction: str, root: bool
) -> None:
    network = tiny()
    model = load(save(network, ddpm(prediction_type=prediction), root=root))
    assert model.event_shape == (2, 8, 8)
    assert model.value_range == (-1, 1)
    network, table = network.double(), ddpm().alphas_cumprod.double()
    signal = 1.0
    for t in range(STEPS):
        signal *= 1 - (1e-4 + (0.2 - 1e-4) * t / (STEPS - 1))
        assert float(table[t]) == pytest.approx(signal, rel=1e-5)  # it is float32
        if t not in (0, 1, 20, STEPS - 1):
            continue
        a, b = math.sqrt(table[t]), math.sqrt(1 - table[t])
        x = normal() + b / a * normal().flip(0)
        with torch.no_grad():
            output = network(a * x, t).sample
        clean = {
            "epsilon": (a * x - b * output) / a,
            "sample": output,
            "v_prediction": a * (a * x) - b * output,
        }[prediction]
        sigma = torch.tensor(b / a, dtype=torch.float64)
        score = (a * clean - a * x) / (b**2 / a)
        torch.testing.assert_close(model.denoise(x, sigma), clean, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(
            model.score(x, sigma), score, rtol=1e-6, atol=1e-6 / float(sigma) ** 2
        )


def test_a_score_sde_network_sees_x_and_is_told_sigma(save: Save) -> None:
    network = tiny(time_embedding_type="fourier", center_input_sample=True)
    folder = save(network, diffusers.ScoreSdeVeScheduler())
    model = load(folder)
    assert model.value_range == (0, 1)
    seen = network.double()
    for sigma in (0.01, 3.7, 1348.0):
        x = normal() + sigma * normal().flip(0)
        with torch.no_grad():
            expected = seen(x, torch.full((3,), sigma, dtype=torch.float64)).sample
        level = torch.tensor(sigma, dtype=torch.float64)
        torch.testing.assert_close(model.score(x, level), expected)
        torch.testing.assert_close(model.denoise(x, level), x + sigma**2 * expected)


def test_ddim_walks_as_in_diffusers(save: Save) -> None:
    network = tiny()
    folder = save(network, ddpm())
    model = load(folder)
    scheduler = diffusers.DDIMScheduler.from_config(ddpm().config)
    scheduler.set_timesteps(10)
    wide = scheduler.alphas_cumprod.double()
    sigmas = ((1 - wide) / wide).sqrt()[scheduler.timesteps]
    start, network = normal(), network.double()
    state = start * sigmas[0] / (1 + sigmas[0] ** 2).sqrt()
    with torch.no_grad():
        for t in scheduler.timesteps:
            state = scheduler.step(network(state, t).sample, t, state).prev_sample
        sampler = scorebench.build("sampler", "ddim", eta=0)
        noise: Any = SimpleNamespace(normal=lambda: start)
        *_, ours = sampler.trajectory(model, sigmas, noise)
    assert float((ours - state).abs().max()) < 1e-5 * float(state.abs().max())


def test_the_laws_of_score_models_are_kept(save: Save) -> None:
    fourier = tiny(time_embedding_type="fourier")
    for name, network, scheduler in (
        ("vp", tiny(), ddpm()),
        ("ve", fourier, diffusers.ScoreSdeVeScheduler()),
    ):
        folder = save(network, scheduler, name)
        component = scorebench.build("score_model", "diffusers", checkpoint=folder)
        outcomes = list(run_checks("score_model", component))
        assert [o for o in outcomes if o.passed is False] == []
        assert sum(o.passed is True for o in outcomes) >= 6


@pytest.mark.parametrize(
    ("embedding", "scheduler"),
    [("positional", ddpm()), ("fourier", diffusers.ScoreSdeVeScheduler())],
)
def test_networks_run_in_half_precision(save: Save, embedding: str, scheduler: Any) -> None:
    network = tiny(time_embedding_type=embedding)
    with torch.no_grad():
        network.time_embedding.linear_2.weight *= 10  # so that it minds what it is told of σ
    folder = save(network, scheduler)
    exact, half = load(folder), load(folder, "bfloat16")
    sigma = torch.tensor(3.0, dtype=torch.float64)
    x = normal().bfloat16()
    found, expected = half.score(x, sigma), exact.score(x.double(), sigma)
    assert found.dtype == torch.bfloat16
    assert float((found - expected).abs().max()) < 0.03 * float(expected.abs().max())


def test_a_variance_predicted_too_is_not_used(save: Save) -> None:
    network = tiny(out_channels=4)
    model = load(save(network, ddpm(variance_type="learned_range")))
    sigma = torch.tensor(1e9)
    with torch.no_grad():
        told = network.double()(normal() / 1e9, STEPS - 1).sample
    torch.testing.assert_close(model.score(normal(), sigma) * -1e9, told[:, :2])


def test_a_learned_embedding_is_told_whole_timesteps(save: Save) -> None:
    network = tiny(time_embedding_type="learned", num_train_timesteps=STEPS)
    model = load(save(network, ddpm()))
    sigma = torch.tensor(1e9)
    with torch.no_grad():
        told = network.double()(normal() / 1e9, torch.tensor(STEPS - 1)).sample
    torch.testing.assert_close(model.score(normal(), sigma) * -1e9, told)


def test_weights_under_their_early_names_are_read(save: Save) -> None:
    """As in google/ddpm-cifar10-32: query, key, value and proj_attn are to_q, to_k, …, today."""
    new, old = (save(tiny(), ddpm(), name, root=True) for name in ("new", "old"))
    early = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = load_file(new / WEIGHTS)
    renamed = {}
    for name, value in weights.items():
        for now, then in early.items():
            name = name.replace(f"attentions.0.{now}.", f"attentions.0.{then}.")
        renamed[name] = value
    assert set(renamed) != set(weights)
    save_file(renamed, old / WEIGHTS, {"format": "pt"})
    sigma = torch.tensor(2.0)
    assert torch.equal(load(new).score(normal(), sigma), load(old).score(normal(), sigma))


def test_other_schedulers_of_diffusers_are_read(save: Save) -> None:
    folder = save(tiny(), ddpm())
    expected = load(folder).denoise(normal(), torch.tensor(2.0))
    for name in ("DDIMScheduler", "PNDMScheduler", "DPMSolverMultistepScheduler"):
        edit(folder / "scheduler/scheduler_config.json", _class_name=name)
        assert torch.equal(load(folder).denoise(normal(), torch.tensor(2.0)), expected)


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("unet/config.json", {"_class_name": "UNet2DConditionModel"}, "is of UNet2DConditionModel"),
        ("unet/config.json", {"num_class_embeds": 10}, "is of a conditional model"),
        ("unet/config.json", {"class_embed_type": "timestep"}, "is of a conditional model"),
        ("unet/config.json", {"sample_size": None}, "doesn't say its sample_size"),
        ("unet/config.json", {"sample_size": "8"}, "has the sample_size '8', which no image has"),
        ("unet/config.json", {"sample_size": [8, 0]}, r"has the sample_size \[8, 0\], which"),
        ("unet/config.json", {"layers_per_block": 10**9}, "asks for 1000000000 layers_per_block"),
        ("unet/config.json", {"_class_name": "a\nb"}, "is of a b, not of an unconditional"),
        ("unet/config.json", {"layers_per_block": 2}, "has another network's weights; missing"),
        ("unet/config.json", {"block_out_channels": [8, 16]}, "unet can't be loaded: .*shape"),
        ("unet/config.json", {"down_block_types": ["Gone", "Gone"]}, "unet can't be loaded: Gone"),
        ("scheduler/scheduler_config.json", {"_class_name": "Gone"}, "Gone, which diffusers .* ha"),
        (
            "scheduler/scheduler_config.json",
            {"_class_name": "FlowMatchEulerDiscreteScheduler"},
            "FlowMatchEulerDiscreteScheduler, whose noise levels aren't known here",
        ),
        (
            "scheduler/scheduler_config.json",
            {"prediction_type": "flow_prediction"},
            "prediction_type flow_prediction, which isn't one of epsilon, sample, v_prediction",
        ),
        ("scheduler/scheduler_config.json", {"prediction_type": []}, r"the prediction_type \[\]"),
        ("scheduler/scheduler_config.json", {"beta_schedule": "odd"}, "can't be used: odd"),
        ("scheduler/scheduler_config.json", {"beta_end": -0.2}, "don't make σ grow"),
    ],
)
def test_unfit_configurations_are_told(
    save: Save, file: str, changes: dict[str, Any], told: str
) -> None:
    folder = save(tiny(), ddpm())
    edit(folder / file, **changes)
    with pytest.raises(UserError, match=told) as raised:
        load(folder)
    assert "\n" not in str(raised.value)


def test_an_odd_number_of_channels_is_told(save: Save) -> None:
    with pytest.raises(UserError, match="makes 3 channels of 2"):
        load(save(tiny(out_channels=3), ddpm()))


def truncate(folder: Path) -> None:
    path = folder / "unet" / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])


def tamper(folder: Path) -> None:
    path = folder / "unet" / WEIGHTS
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])


def pickled(folder: Path) -> None:
    (folder / "unet" / WEIGHTS).unlink()
    torch.save(tiny().state_dict(), folder / "unet/diffusion_pytorch_model.bin")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (truncate, "unet can't be loaded: "),
        (tamper, "unet can't be loaded: "),
        (pickled, r"has no diffusion_pytorch_model\.safetensors; pickled weights"),
        (lambda folder: shutil.rmtree(folder / "unet"), "there is no .*tiny/config.json"),
        (lambda folder: shutil.rmtree(folder / "scheduler"), "no .*tiny/scheduler_config.json"),
        (lambda folder: (folder / "unet/config.json").write_text("{"), "can't be read: Expecting"),
        (lambda folder: (folder / "unet/config.json").write_text("[" * 10**5), "can't be read: "),
        (lambda folder: (folder / "unet/config.json").write_text("[]"), "holds no settings"),
        (shutil.rmtree, "there is no folder .*tiny; a hub name is written owner/name"),
    ],
)
def test_damaged_folders_are_told(save: Save, damage: Callable[[Path], Any], told: str) -> None:
    folder = save(tiny(), ddpm())
    damage(folder)
    with pytest.raises(UserError, match=told) as raised:
        load(folder)
    assert "\n" not in str(raised.value)


def test_a_missing_library_is_told(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(
        UserError, match=r"can't be imported .*pip install 'scorebench\[diffusers\]"
    ):
        load("google/ddpm-cifar10-32")


def test_a_folder_has_no_revision(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="revision is for hub names"):
        load(tmp_path, revision="main")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub, without a network, in which nothing is yet."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_a_folder_in_the_working_directory_goes_before_the_hub(
    save: Save, hub: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    save(tiny(), ddpm(), "some/tiny")
    monkeypatch.chdir(tmp_path)
    for written in ("some/tiny", "./some/tiny", Path("some/tiny")):
        component = scorebench.build("score_model", "diffusers", checkpoint=written)
        assert component.checkpoint == Path("some/tiny")
        assert component.identity(Context()) is None
    assert load("some/tiny").event_shape == (2, 8, 8)


def test_a_hub_name_without_a_network_is_told(hub: Path) -> None:
    component = scorebench.build("score_model", "diffusers", checkpoint="google/ddpm-cifar10-32")
    for attempt in (component.load, component.identity):
        with pytest.raises(UserError) as raised:
            attempt(Context())
        told = str(raised.value)
        assert "\n" not in told
        assert told.startswith(
            "there is no folder google/ddpm-cifar10-32, and the Hugging Face hub"
        )
        assert "without a network, name a folder" in told


def test_a_hub_name_stands_for_a_commit(save: Save, hub: Path) -> None:
    folder = save(tiny(), ddpm())
    cached = hub / "models--some--tiny"
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(folder, cached / "snapshots" / commit)
    for branch in ("main", "ema"):
        (cached / "refs").mkdir(exist_ok=True)
        (cached / "refs" / branch).write_text(commit)
    sigma = torch.tensor(2.0)
    expected = load(folder).score(normal(), sigma)
    for parameters in ({}, {"revision": "ema"}, {"revision": commit}):
        component = scorebench.build(
            "score_model", "diffusers", checkpoint="some/tiny", **parameters
        )
        assert component.checkpoint == HubName("some/tiny")
        assert component.identity(Context()) == commit
        model = component.load(Context(dtype="float64"))
        assert torch.equal(model.score(normal(), sigma), expected)
    with pytest.raises(UserError, match="the Hugging Face hub doesn't give it"):
        load("some/tiny", revision="none")


def suite_of(checkpoint: str) -> dict[str, Any]:
    return {
        "name": "pretrained",
        "samples": 4,
        "batch_size": 4,
        "dataset": {"name": "digits"},
        "features": "identity",
        "metrics": ["moments"],
        "sweep": [
            {
                "model": {"name": "diffusers", "checkpoint": checkpoint},
                "schedule": {"name": "vp_linear", "n": 3},
                "sampler": "ddim",
            }
        ],
    }


def test_a_suite_samples_a_folder_beside_it_and_knows_when_it_changes(
    save: Save, hub: Path, write_suite: Callable[..., Path], tmp_path: Path
) -> None:
    network = tiny(in_channels=1, out_channels=1)
    folder = save(network, ddpm(), "some/tiny")
    suite = write_suite(suite_of("some/tiny"))

    def fingerprint() -> str:
        table = scorebench.run(suite, results=tmp_path / "results", engine="inline", device="cpu")
        (row,) = table.to_dict("records")
        assert row["status"] == "ok"
        assert row["model.checkpoint"] == str(folder)
        return str(row["fingerprint"])

    first = fingerprint()
    assert fingerprint() == first
    nn.init.ones_(network.conv_out.bias)
    network.save_pretrained(folder / "unet")
    assert fingerprint() != first


def test_a_suite_tells_of_a_hub_name_before_it_starts(
    hub: Path, write_suite: Callable[..., Path], tmp_path: Path
) -> None:
    suite = write_suite(suite_of("google/ddpm-cifar10-32"))
    with pytest.raises(SuiteError, match="there is no folder google/ddpm-cifar10-32, and the Hug"):
        scorebench.run(suite, results=tmp_path / "results", engine="inline", device="cpu")
    suite = write_suite(suite_of("./some/tiny"))
    with pytest.raises(SuiteError, match="some/tiny: No such file or directory"):
        scorebench.run(suite, results=tmp_path / "results", engine="inline", device="cpu")


def test_the_network_of_cifar10_is_one_of_these(save: Save, hub: Path) -> None:
    folder = save(tiny(), ddpm())
    component = scorebench.build("score_model", "ddpm_cifar10", checkpoint=folder)
    model = component.load(Context(dtype="float64"))
    sigma = torch.tensor(2.0)
    assert torch.equal(model.score(normal(), sigma), load(folder).score(normal(), sigma))


def test_what_to_do_without_the_network_of_cifar10(hub: Path) -> None:
    component = scorebench.build("score_model", "ddpm_cifar10")
    for attempt in (component.load, component.identity):
        with pytest.raises(UserError) as raised:
            attempt(Context())
        told = str(raised.value)
        assert told.startswith("there is no folder google/ddpm-cifar10-32, and the Hugging Face")
        assert "--set 'sweep[*].model=factor_mixture'" in told
        assert "\n" not in told
