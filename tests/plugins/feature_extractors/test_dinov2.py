"""DINOv2 on a tiny network that transformers saves, against slow formulas."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from torch import Tensor

import scorebench
from scorebench import Context, ParameterError, UserError
from scorebench.testing import run_checks
from scorebench_plugins.feature_extractors.dinov2 import DINOv2

WEIGHTS = "model.safetensors"


def tiny(image_size: int = 56) -> Any:
    """Random weights, with positions that matter; patches of 14 pixels as the real ones have."""
    config = transformers.Dinov2Config(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=image_size,
        patch_size=14,
        layerscale_value=1.0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = transformers.Dinov2Model(config).eval().requires_grad_(False)
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return network


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny().save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def prepared(batch: Tensor) -> Tensor:
    """As dgm-eval does with --clean_resize: every channel by PIL, then ImageNet's mean and std."""
    rows = []
    for image in batch.float().numpy():
        for channel, mean, std in zip(
            image, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True
        ):
            resized = Image.fromarray(channel, mode="F").resize(
                (224, 224), Image.Resampling.BICUBIC
            )
            rows.append((np.asarray(resized).clip(0, 255) / 255 - mean) / std)
    return torch.from_numpy(np.stack(rows)).float().view(-1, 3, 224, 224)


def cubic(distance: float) -> float:
    """Keys' convolution with the a = −0.75 of torch."""
    d, a = abs(distance), -0.75
    if d < 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2 else 0.0


def positions_of_the_authors(given: Tensor, wanted: int) -> Tensor:
    """``[1, 1 + m², d]`` to ``[1, 1 + n², d]``: read at every (i + ½)·m/(n + 0.1) − ½."""
    m = math.isqrt(given.shape[1] - 1)
    weights = torch.zeros(wanted, m)
    for i in range(wanted):
        at = (i + 0.5) * m / (wanted + 0.1) - 0.5
        for k in range(math.floor(at) - 1, math.floor(at) + 3):
            weights[i, min(max(k, 0), m - 1)] += cubic(at - k)
    grid = given[0, 1:].view(m, m, -1)
    resized = torch.einsum("ik,jl,kld->ijd", weights, weights, grid)
    return torch.cat([given[:, :1], resized.flatten(0, 1)[None]], dim=1)


@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")
@pytest.mark.parametrize("image_size", [56, 224, 518])
def test_features_are_the_class_token_of_the_authors_network(tmp_path, image_size):
    network = tiny(image_size)
    network.save_pretrained(tmp_path / "tiny")
    batch = images(3, 3, 32, 32)
    features = DINOv2(checkpoint=tmp_path / "tiny").load(Context())(batch)
    embeddings = network.embeddings
    if image_size != 224:
        placed = positions_of_the_authors(embeddings.position_embeddings, 16)
        embeddings.position_embeddings = torch.nn.Parameter(placed, requires_grad=False)
    expected = network(prepared(batch)).last_hidden_state[:, 0]
    assert features.vectors.shape == (3, 24)
    assert features.vectors.allclose(expected, atol=1e-4)
    assert features.logits is None


def test_what_holds_for_every_extractor(folder):
    outcomes = list(run_checks("feature_extractor", DINOv2(checkpoint=folder)))
    assert [o for o in outcomes if not o.passed] == []
    assert len(outcomes) >= 4


def test_loading_leaves_no_trace(folder, capfd):
    state = torch.get_rng_state()
    DINOv2(checkpoint=folder).load(Context())
    assert torch.get_rng_state().equal(state)
    assert capfd.readouterr().out == ""


def test_half_precision_is_near(folder):
    batch = images(2, 3, 32, 32)
    exact = DINOv2(checkpoint=folder).load(Context())(batch).vectors
    half = DINOv2(checkpoint=folder, precision="bfloat16").load(Context())(batch).vectors
    assert half.dtype == torch.float32
    assert 1e-4 < (half - exact).norm() / exact.norm() < 0.1


def test_weights_saved_in_half_precision_are_computed_with_in_float32(folder, tmp_path):
    tiny().half().save_pretrained(tmp_path / "half")
    batch = images(2, 3, 16, 16)
    found = DINOv2(checkpoint=tmp_path / "half").load(Context())(batch).vectors
    exact = DINOv2(checkpoint=folder).load(Context())(batch).vectors
    assert found.dtype == torch.float32
    assert found.allclose(exact, atol=0.05)


def test_a_classifier_counts_as_the_network_in_it(folder, tmp_path):
    classifier = transformers.Dinov2ForImageClassification(tiny().config)
    classifier.dinov2.load_state_dict(tiny().state_dict())
    classifier.save_pretrained(tmp_path / "classifier")
    batch = images(2, 3, 16, 16)
    found = DINOv2(checkpoint=tmp_path / "classifier").load(Context())(batch).vectors
    assert found.allclose(DINOv2(checkpoint=folder).load(Context())(batch).vectors, atol=1e-5)


def cut(folder: Path) -> None:
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])


def pickled(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    torch.save(tiny().state_dict(), folder / "pytorch_model.bin")


def edit(**changes: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return damage


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (cut, "holds no DINOv2 network that can be read"),
        (pickled, "model.safetensors"),
        (lambda folder: (folder / WEIGHTS).unlink(), "model.safetensors"),
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "Expecting"),
        (edit(model_type="vit"), "is of model_type vit, not dinov2"),
        (edit(num_hidden_layers=3), "weights are missing: encoder"),
        (edit(hidden_size=26), "holds no DINOv2 network that can be read"),
        (shutil.rmtree, "there is no folder .*tiny; a hub name is written owner/name"),
    ],
)
def test_damaged_folders_are_told(folder, damage, told):
    damage(folder)
    with pytest.raises(UserError, match=told) as raised:
        DINOv2(checkpoint=folder).load(Context())
    assert "\n" not in str(raised.value)
    assert str(folder) in str(raised.value)


def test_a_missing_library_is_told(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"pip install 'scorebench\[dinov2\]'"):
        DINOv2(checkpoint=folder).load(Context())


def test_a_folder_has_no_revision(folder):
    with pytest.raises(ParameterError, match="revision is for hub names"):
        scorebench.build("feature_extractor", "dinov2", checkpoint=folder, revision="main")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub, without a network, in which nothing is yet."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_the_default_is_of_the_hub(hub):
    component = scorebench.build("feature_extractor", "dinov2")
    for attempt in (component.load, component.identity):
        with pytest.raises(
            UserError, match="no folder facebook/dinov2-large, and the Hugging Face"
        ):
            attempt(Context())


def test_a_hub_name_stands_for_a_commit(folder, hub):
    cached = hub / "models--facebook--dinov2-large"
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(folder, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    component = scorebench.build("feature_extractor", "dinov2")
    assert component.identity(Context()) == commit
    batch = images(1, 3, 16, 16)
    expected = DINOv2(checkpoint=folder).load(Context())(batch).vectors
    assert component.load(Context())(batch).vectors.equal(expected)


def test_a_folder_counts_by_its_content(folder):
    component = DINOv2(checkpoint=folder)
    assert component.identity(Context()) is None
    before = Context().describe(component)
    edit(layerscale_value=2.0)(folder)
    assert Context().describe(component) != before
