"""Train the digits_cnn feature extractor and write the weights that scorebench ships.

Run from the repository: python scripts/train_digits_cnn.py
"""

from __future__ import annotations

import math

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from scorebench import Context
from scorebench_plugins.datasets.digits import Digits
from scorebench_plugins.feature_extractors.digits_cnn import WEIGHTS, DigitsCNN, network

SEED = 0
EPOCHS = 60
BATCH = 64
LEARNING_RATE = 2e-3


def main() -> None:
    """Train on digits' split "train", write the weights, tell their accuracy on split "test"."""
    context = Context()
    data = Digits(split="train").load(context)
    assert data.labels is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        layers = network()
    train(layers, data.x[:].float() / 255, data.labels)
    WEIGHTS.write_bytes(save(layers.state_dict()))
    print(f"{WEIGHTS}: {accuracy(context):.2%} of the test split are classified correctly")


def train(layers: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Fit the network to images ``[N, 1, 8, 8]`` in [0, 1], with AdamW and a cosine decay."""
    generator = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.AdamW(layers.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    steps = EPOCHS * math.ceil(len(images) / BATCH)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for chosen in torch.split(torch.randperm(len(images), generator=generator), BATCH):
            logits = layers(augmented(images[chosen], generator))
            loss = functional.cross_entropy(logits, labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            decay.step()


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """Every image rotated, sheared and scaled a little and moved by up to about half a pixel."""
    change = torch.randn(len(images), 2, 3, generator=generator) * 0.08
    grid = functional.affine_grid(torch.eye(2, 3) + change, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def accuracy(context: Context) -> float:
    """The share of digits' split "test" that the written weights classify correctly."""
    data = Digits(split="test").load(context)
    logits = DigitsCNN().load(context)(data.x[:]).logits
    assert logits is not None
    assert data.labels is not None
    return float((logits.argmax(1) == data.labels).double().mean())


if __name__ == "__main__":
    main()
