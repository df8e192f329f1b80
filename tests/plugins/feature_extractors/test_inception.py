"""Inception on a stand-in: a small TorchScript file with the published one's interface."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from pathlib import Path

import cleanfid.downloads_helper
import pytest
import torch
from cleanfid.inception_torchscript import InceptionV3W
from cleanfid.resize import build_resizer
from torch import Tensor, nn

import scorebench
from scorebench import Context, ParameterError, UserError
from scorebench.testing import run_checks
from scorebench_plugins.feature_extractors import inception
from scorebench_plugins.feature_extractors.inception import FILE, Inception


class StandIn(nn.Module):
    """Of the published network: its parts ``layers`` and ``output``, and what it can be asked."""

    def __init__(self, features: int = 2048) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=7),
            nn.BatchNorm2d(8, eps=0.001),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Conv2d(8, features, 4),
        )
        self.output = nn.Linear(features, 1008)

    def forward(
        self, img: Tensor, return_features: bool = False, no_output_bias: bool = False
    ) -> Tensor:
        features = self.layers((img - 128) / 128).flatten(1)
        if return_features:
            return features
        logits = features @ self.output.weight.t()
        if not no_output_bias:
            logits = logits + self.output.bias
        return logits.softmax(1)


class Headless(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Identity()

    def forward(self, img: Tensor) -> Tensor:
        return self.layers(img)


def save(make: type[nn.Module] | object, folder: Path, seed: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.manual_seed(seed)
        torch.jit.script(make().eval()).save(folder / FILE)
    return folder / FILE


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(StandIn, tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def network(weights: Path) -> InceptionV3W:
    """As clean-fid itself loads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return InceptionV3W(str(weights.parent), download=False).eval()


@pytest.fixture
def published(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in as if it were what is published."""
    monkeypatch.setattr(inception, "URL", weights.as_uri())
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(weights.read_bytes()).hexdigest())
    return weights


def images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")
@pytest.mark.parametrize("shape", [(10, 3, 32, 32), (2, 3, 320, 299)])
def test_features_are_those_of_clean_fid_and_probabilities_those_of_the_network(
    weights, network, shape
):
    batch, resizer = images(*shape), build_resizer("clean")
    pixels = torch.stack([torch.from_numpy(resizer(x)) for x in batch.movedim(1, -1).numpy()])
    pixels = pixels.movedim(-1, 1)
    features = Inception(weights=weights).load(Context())(batch)
    with torch.no_grad():
        vectors = network(pixels)
        probabilities = network.base(pixels, no_output_bias=True)
        biased = network.base(pixels)
    assert features.vectors.shape == (len(batch), 2048)
    assert features.logits.shape == (len(batch), 1008)
    assert features.vectors.allclose(vectors, atol=1e-5)
    assert features.logits.softmax(1).allclose(probabilities, rtol=1e-4)
    assert not features.logits.softmax(1).allclose(biased, rtol=1e-3)


def test_what_holds_for_every_extractor(weights):
    outcomes = list(run_checks("feature_extractor", Inception(weights=weights)))
    assert [o for o in outcomes if not o.passed] == []
    assert len(outcomes) >= 4


def test_half_precision_is_near(weights):
    batch = images(3, 3, 32, 32)
    exact = Inception(weights=weights).load(Context())(batch).vectors
    half = Inception(weights=weights, precision="bfloat16").load(Context())(batch).vectors
    assert half.dtype == torch.float32
    assert 1e-4 < (half - exact).norm() / exact.norm() < 0.05


def test_weights_are_downloaded_to_the_cache_once(published, tmp_path, monkeypatch):
    context = Context(cache_dir=tmp_path / "cache")
    batch = images(1, 3, 8, 8)
    first = Inception().load(context)(batch).vectors
    assert (tmp_path / "cache" / FILE).read_bytes() == published.read_bytes()
    monkeypatch.setattr(inception, "URL", "http://127.0.0.1:9/nothing")
    assert Inception().load(context)(batch).vectors.equal(first)
    assert Inception(weights=published).load(context)(batch).vectors.equal(first)


def test_weights_that_cannot_be_had_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(inception, "URL", "http://127.0.0.1:9/nothing")
    with pytest.raises(UserError) as raised:
        Inception().load(Context(cache_dir=tmp_path))
    told = str(raised.value)
    assert "\n" not in told
    for part in (str(tmp_path / FILE), inception.URL, "refused"):
        assert part in told
    assert "{name: inception, weights: FOLDER/inception-2015-12-05.pt}" in told
    assert list(tmp_path.iterdir()) == []


def test_what_is_downloaded_must_be_what_is_published(published, tmp_path, monkeypatch):
    monkeypatch.setattr(inception, "SHA256", "0" * 64)
    with pytest.raises(UserError, match="instead of 0000"):
        Inception().load(Context(cache_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_source_is_clean_fids():
    assert cleanfid.downloads_helper.inception_url == inception.URL


def test_other_weights_are_another_extractor(weights, tmp_path):
    context = Context()
    other = save(StandIn, tmp_path / "other", seed=1)
    copied = tmp_path / "copy" / FILE
    copied.parent.mkdir()
    shutil.copy(weights, copied)
    described = [context.describe(Inception(weights=path)) for path in (weights, copied, other)]
    assert described[0] == described[1] != described[2]
    assert context.describe(Inception())["identity"] == inception.SHA256


class Harmful:
    """Makes a file of its name when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_files_that_are_something_else_are_told(tmp_path, weights):
    harm = tmp_path / "harm"
    pickled = tmp_path / "pickled" / FILE
    pickled.parent.mkdir()
    torch.save(Harmful(harm), pickled)
    cut = tmp_path / "cut" / FILE
    cut.parent.mkdir()
    cut.write_bytes(weights.read_bytes()[:-1000])
    wrong = [
        (pickled, "isn't the Inception network"),
        (cut, "isn't the Inception network"),
        (tmp_path / "nowhere" / FILE, "there is no file"),
        (save(Headless, tmp_path / "headless"), "no attribute 'output'"),
        (save(lambda: StandIn(16), tmp_path / "small"), r"last layer is \(1008, 16\)"),
    ]
    for path, told in wrong:
        with pytest.raises(UserError, match=told) as raised:
            Inception(weights=path).load(Context())
        assert str(path) in str(raised.value)
        assert "\n" not in str(raised.value)
    assert not harm.exists()


def test_a_file_of_another_name_is_told(tmp_path):
    with pytest.raises(ParameterError, match=f"must be a file named {FILE}"):
        scorebench.build("feature_extractor", "inception", weights=tmp_path / "inception.pt")
