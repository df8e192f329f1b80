"""``python -m benchmarks.training``: ``scorebench train`` against a bare loop written by hand.

Both train the same network on the same batches of noise-conditional denoising score matching, with
Adam and a moving average of the weights; ours also draws every step's randomness from its number,
records losses by noise level, reports progress and writes checkpoints. Goal: at least 0.9 times as
many steps a second.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import scorebench
from scorebench.train import Training, TrainingConfig, load_config
from scorebench.train.preconditioning import LearnedField
from scorebench.train.training_data import load_data

CONFIGS = {"configs/mixture_ncsn.yaml": 1500, "configs/digits_ncsn.yaml": 100}  # and steps
ROUNDS = 5


def ours(config: TrainingConfig) -> float:
    """Steps a second, from the first report of progress to the last."""
    marks: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        training = Training(config, Path(folder), scorebench.Context())
        training.run(lambda done, _how: marks.append((time.perf_counter(), done)))
    (begun, first), (ended, last) = marks[0], marks[-1]
    return (last - first) / (ended - begun)


def bare(config: TrainingConfig) -> float:
    """Steps a second of the loop that one would write in a notebook."""
    file, context = config.file, scorebench.Context()
    data = load_data(config, context)
    assert config.schedule is not None
    sigmas = config.schedule.component.sigmas(context).float()
    network = config.network.build(data.event_shape)
    field = LearnedField(network, file.preconditioning, file.parametrisation, data.spread())
    weights: list[Any] = list(field.parameters())
    averages = [w.detach().clone() for w in weights]
    optimiser = torch.optim.Adam(weights, file.optimiser.learning_rate, fused=True)
    started = time.perf_counter()
    for _ in range(file.steps):
        x0 = data.x[torch.randint(len(data.x), (file.batch_size,))].float()
        sigma = sigmas[torch.randint(len(sigmas), (file.batch_size,))]
        level = sigma.reshape(-1, *[1] * (x0.ndim - 1))
        z = torch.randn_like(x0)
        residual = level * field.score(x0 + level * z, sigma) + z
        loss = residual.square().mean() / 2
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, weights, 1 - file.ema)
    return file.steps / (time.perf_counter() - started)


def main() -> None:
    """Print steps a second of both, in turn, and the median of their ratios."""
    torch.set_num_threads(1)
    for path, steps in CONFIGS.items():
        config = load_config(path, settings=[f"steps={steps}", "preview.samples=1"])
        pairs = [(ours(config), bare(config)) for _ in range(ROUNDS)]
        ratio = statistics.median(a / b for a, b in pairs)
        mine, loop = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(f"{path}: {mine:.1f} steps/s, bare loop {loop:.1f}; {ratio:.2f} times as many")


if __name__ == "__main__":
    main()
