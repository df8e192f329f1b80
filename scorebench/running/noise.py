"""Random streams keyed by (seed, sample index).

Every sample has generators of its own, so it doesn't depend on the batch it is drawn in. Numbers
are drawn on the CPU in float32 and then converted: all devices and precisions see the same noise,
so they too are compared on common random numbers. Drawing several calls' worth of a sample at a
time keeps the cost near that of one ``torch.randn`` of the whole batch.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from scorebench.plugin.contracts import Noise

BLOCK = 2048  # numbers drawn at once per sample; a different value gives different streams


def stream_seeds(seed: int, indices: Sequence[int], purpose: str) -> list[int]:
    """A generator seed for each sample, distinct for distinct indices below 2³².

    torch's CPU generator uses 32 bits of its seed, so hashing (seed, index) to 32 bits would give
    some of 50,000 samples the same stream. For one seed and purpose this map is a bijection of
    the index: MurmurHash3's finaliser, twice, each time after mixing in bits of the seed.
    """
    key = hashlib.blake2b(f"{purpose}/{seed}".encode(), digest_size=8).digest()
    first, second = int.from_bytes(key[:4], "little"), int.from_bytes(key[4:], "little")
    return [_finalise(_finalise(index ^ first) ^ second) for index in indices]


def _finalise(h: int) -> int:
    h ^= h >> 16
    h = h * 0x85EBCA6B & 0xFFFFFFFF
    h ^= h >> 13
    h = h * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


class StreamNoise(Noise):
    """One batch's randomness: sample ``indices[b]`` of ``seed`` in row b.

    Args:
        seed: of the cell's repeat.
        indices: the samples in this batch, each in [0, 2³²).
        event_shape: the shape of one sample.
        device, dtype: of what is handed out.
        purpose: streams of different purposes are independent of each other.
    """

    def __init__(
        self,
        seed: int,
        indices: Sequence[int],
        event_shape: tuple[int, ...],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        purpose: str = "sampler",
    ) -> None:
        shape, device = (len(indices), *event_shape), torch.device(device)
        normal = stream_seeds(seed, indices, f"{purpose}/normal")
        uniform = stream_seeds(seed, indices, f"{purpose}/uniform")
        self._normal = _draws(Tensor.normal_, normal, shape, device, dtype)
        self._uniform = _draws(Tensor.uniform_, uniform, shape, device, dtype)

    def normal(self) -> Tensor:
        """``[B, *event]`` from N(0, I)."""
        return next(self._normal)

    def uniform(self) -> Tensor:
        """``[B, *event]`` from U[0, 1)."""
        return next(self._uniform)


class SeededNoise(Noise):
    """Randomness for many draws at once, fast: a row's depends on how many rows there are.

    For exact samples of a model, say, where nothing is compared sample by sample.

    Args:
        generator: on the CPU, so that every device sees the same numbers; advanced by each draw.
        shape: of what is drawn, ``(B, *event)``.
        device, dtype: of what is handed out.
    """

    def __init__(
        self,
        generator: torch.Generator,
        shape: tuple[int, ...],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._generator, self._shape = generator, shape
        self._device, self._dtype = torch.device(device), dtype

    @staticmethod
    def generator(seed: int, purpose: str) -> torch.Generator:
        """A generator on the CPU; those of different purposes are independent of each other."""
        key = hashlib.blake2b(f"{purpose}/{seed}".encode(), digest_size=8).digest()
        return torch.Generator().manual_seed(int.from_bytes(key))

    def normal(self) -> Tensor:
        """``[B, *event]`` from N(0, I)."""
        return torch.randn(self._shape, generator=self._generator).to(self._device, self._dtype)

    def uniform(self) -> Tensor:
        """``[B, *event]`` from U[0, 1)."""
        return torch.rand(self._shape, generator=self._generator).to(self._device, self._dtype)


def _draws(
    fill: Callable[..., Tensor],
    seeds: list[int],
    shape: tuple[int, ...],
    device: torch.device,
    dtype: torch.dtype,
) -> Iterator[Tensor]:
    """Draw after draw of a batch. No method of ``StreamNoise``: held by the object it would hold,
    its tensors would live on until the garbage collector comes by."""
    batch, *event = shape
    per_block = max(1, BLOCK // max(1, math.prod(event)))
    generators = [torch.Generator().manual_seed(s) for s in seeds]
    pin = device.type == "cuda"
    block: Tensor | None = None
    while True:
        if block is None or per_block == 1:  # a block of one is handed out, so never filled twice
            block = torch.empty(batch, per_block, *event, pin_memory=pin)
        for row, generator in zip(block.unbind(), generators, strict=True):
            fill(row, generator=generator)
        for k in range(per_block):
            draw = block[:, k]
            if per_block > 1:
                draw = draw.clone(memory_format=torch.contiguous_format)
            yield draw.to(device, dtype, non_blocking=True)
