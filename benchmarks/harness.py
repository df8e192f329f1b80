"""``python -m benchmarks.harness``: sampling through the harness against a hand-written loop.

Both use the same model, the same noise and the same formula. Once with a model whose forward pass
takes over a millisecond (goal: at most 1.05×), once with a model that costs next to nothing (goal:
at most 15 µs more per model call).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

import scorebench
from benchmarks import timing
from scorebench import ScoreModel
from scorebench.running.noise import StreamNoise

BATCH, SHAPE = 64, (3, 16, 16)
Draw = Callable[[ScoreModel, Tensor, StreamNoise], Tensor]


class Shrinking(ScoreModel):
    """D(x, σ) = x/(1 + σ²), the exact denoiser of N(0, I), after ``products`` matrix products."""

    device = torch.device("cpu")
    dtype = torch.float32

    def __init__(self, event_shape: tuple[int, ...], products: int) -> None:
        self.event_shape = event_shape
        self.products = products
        self.weight = torch.eye(math.prod(event_shape)) if products else torch.empty(0)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The denoised batch."""
        for _ in range(self.products):
            x = (x.flatten(1) @ self.weight).reshape(x.shape)
        return x / (1 + sigma**2)


def euler_by_hand(model: ScoreModel, sigmas: Tensor, noise: StreamNoise) -> Tensor:
    """Euler's method as one would write it without scorebench."""
    with torch.no_grad():
        x = sigmas[0] * noise.normal()
        for sigma, following in pairwise(sigmas):
            x = x + (following - sigma) * (x - model.denoise(x, sigma)) / sigma
        return model.denoise(x, sigmas[-1])


def annealed_by_hand(model: ScoreModel, sigmas: Tensor, noise: StreamNoise) -> Tensor:
    """Annealed Langevin dynamics as one would write it without scorebench."""
    with torch.no_grad():
        x = sigmas[0] * noise.normal()
        for sigma in sigmas:
            alpha = 2e-5 * float(sigma / sigmas[-1]) ** 2
            for _ in range(5):
                x = x + alpha / 2 * model.score(x, sigma) + alpha**0.5 * noise.normal()
        return x


def compare(title: str, model: ScoreModel, name: str, by_hand: Draw, levels: int) -> None:
    """Print what the harness costs beyond a loop, as a ratio and per model call."""
    options = {"steps_per_level": 5} if name == "annealed_langevin" else {}
    sampler = scorebench.build("sampler", name, **options)
    schedule = scorebench.build("noise_schedule", "geometric", n=levels, sigma_max=10)
    sigmas = schedule.sigmas(scorebench.Context())
    calls = sampler.nfe(levels)

    def harness() -> Tensor:
        return scorebench.sample(model, sampler, sigmas, BATCH, batch_size=BATCH).x

    def loop() -> Tensor:
        return by_hand(model, sigmas, StreamNoise(0, range(BATCH), model.event_shape))

    torch.testing.assert_close(harness(), loop())
    found = timing.compare(harness, loop, rounds=50)
    more, floor = found.more / calls * 1e6, found.floor / calls * 1e6
    print(
        f"  {title:<32} {name:<18} {found.ratio:5.3f} ×, {more:+6.1f} µs a call on {floor:7.1f} µs"
        f" ({calls} calls)"
    )


def main() -> None:
    """Print the comparison for a costly and for a free model."""
    torch.set_num_threads(1)
    print(f"The harness against a hand-written loop, batch {BATCH}, one thread")
    costly = Shrinking(SHAPE, products=2)
    free = Shrinking((2,), products=0)
    for name, by_hand in (("euler", euler_by_hand), ("annealed_langevin", annealed_by_hand)):
        compare("forward of two matrix products", costly, name, by_hand, levels=10)
        compare("forward of next to nothing", free, name, by_hand, levels=200)


if __name__ == "__main__":
    main()
