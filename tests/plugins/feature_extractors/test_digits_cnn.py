from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from scorebench import Context, UserError
from scorebench_plugins.datasets.digits import Digits
from scorebench_plugins.feature_extractors.digits_cnn import WEIGHTS, DigitsCNN


@pytest.fixture(scope="module")
def held_out():
    return Digits(split="test").load(Context())


@pytest.fixture(scope="module")
def extract():
    return DigitsCNN().load(Context())


def test_features_of_a_batch(extract, held_out):
    features = extract(held_out.x[:5])
    assert features.vectors.shape == (5, 64)
    assert features.logits.shape == (5, 10)
    assert features.vectors.dtype == features.logits.dtype == torch.float32
    assert not features.vectors.requires_grad
    assert not features.logits.requires_grad


def test_accuracy_on_digits_it_was_not_trained_on(extract, held_out):
    predicted = extract(held_out.x[:]).logits.argmax(1)
    assert (predicted == held_out.labels).double().mean() >= 0.97


def test_no_feature_is_constant(extract, held_out):
    vectors = extract(held_out.x[:]).vectors.double()
    assert torch.linalg.matrix_rank(vectors.T.cov()) == 64


def test_the_shipped_file_is_small_float32():
    assert WEIGHTS.stat().st_size < 500_000
    assert {w.dtype for w in load_file(WEIGHTS).values()} == {torch.float32}


@pytest.mark.parametrize("size", [1, 7, 100])
def test_batch_size_does_not_matter(extract, held_out, size):
    images = held_out.x[:30]
    whole = extract(images)
    parts = [extract(batch) for batch in images.split(size)]
    assert torch.cat([p.vectors for p in parts]).allclose(whole.vectors, rtol=1e-4, atol=1e-5)
    assert torch.cat([p.logits for p in parts]).allclose(whole.logits, rtol=1e-4, atol=1e-4)


def test_loading_and_calling_leave_no_trace(held_out):
    state, threads, images = torch.get_rng_state(), torch.get_num_threads(), held_out.x[:].clone()
    features = [DigitsCNN().load(Context(dtype="float64"))(held_out.x[:]) for _ in range(2)]
    assert features[0].vectors.equal(features[1].vectors)
    assert features[0].vectors.dtype == torch.float32
    assert torch.get_rng_state().equal(state)
    assert torch.get_num_threads() == threads
    assert held_out.x[:].equal(images)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 9, 8), (64,)])
def test_other_shapes(extract, shape):
    got = "×".join(map(str, shape))
    with pytest.raises(UserError, match=f"expects 1×8×8 images of torch.uint8, got {got} of"):
        extract(torch.zeros(2, *shape, dtype=torch.uint8))


def test_images_that_are_not_bytes(extract):
    with pytest.raises(UserError, match=r"got 1×8×8 of torch\.float32"):
        extract(torch.zeros(2, 1, 8, 8))


def error_with(weights):
    with pytest.raises(UserError) as caught:
        DigitsCNN(weights=weights).load(Context())
    assert "\n" not in str(caught.value)
    assert str(weights) in str(caught.value)
    return str(caught.value)


def test_weights_of_another_network(tmp_path):
    weights = load_file(WEIGHTS)
    save_file({**weights, "0.bias": torch.zeros(31)}, tmp_path / "shape.safetensors")
    weights.pop("0.bias")
    save_file(weights, tmp_path / "missing.safetensors")
    for name in ("shape", "missing"):
        assert "doesn't hold the weights" in error_with(tmp_path / f"{name}.safetensors")


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b"{" + b, lambda b: b"\x80\x04."])
def test_damaged_weights(tmp_path, change):
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(change(WEIGHTS.read_bytes()))
    assert "doesn't hold the weights" in error_with(path)


def test_missing_weights(tmp_path):
    assert "there are no weights" in error_with(tmp_path / "nowhere.safetensors")
