"""``python -m benchmarks.noise``: per-sample random streams against one plain ``torch.randn``."""

from __future__ import annotations

import torch

from benchmarks.timing import compare
from scorebench.running.noise import StreamNoise

SHAPES = ((64, 3, 32, 32), (256, 3, 32, 32), (500, 1, 8, 8), (1000, 2))
DRAWS = 64  # per timing: at least one whole block of every shape


def main() -> None:
    """Print the ratio for several shapes; the goal is at most 1.3 at [64, 3, 32, 32]."""
    torch.set_num_threads(1)
    print("Noise.normal against torch.randn, float32, one thread")
    for batch, *event in SHAPES:
        noise = StreamNoise(0, range(batch), tuple(event))

        def ours(noise: StreamNoise = noise) -> None:
            for _ in range(DRAWS):
                noise.normal()

        def plain(shape: tuple[int, ...] = (batch, *event)) -> None:
            for _ in range(DRAWS):
                torch.randn(shape)

        found = compare(ours, plain, rounds=25)
        microseconds = found.floor / DRAWS * 1e6
        print(f"  {[batch, *event]!s:<18} {found.ratio:5.2f} × {microseconds:8.1f} µs")


if __name__ == "__main__":
    main()
