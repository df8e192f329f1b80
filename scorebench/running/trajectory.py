"""How samples come about: a few states of a cell's first samples, kept in passing.

None of this is part of a fingerprint, for it changes no number: states are copied as they go by.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scorebench.running.pixels import to_uint8

SAMPLES = 4  # whose states are kept
STATES = 8  # of each


class Snapshots:
    """A few states, at nearly even distances, of a walk whose length isn't known beforehand.

    Every state is kept until there are twice as many as wanted; then every second of them goes,
    and from there on only every second is kept, and so on. Memory: 16 states of 4 samples, on the
    sampler's device, taken once: pieces of memory taken at many steps would keep the allocator from
    using its larger blocks again. Nothing waits for the device before ``images``.

    Args:
        shape: of the states, ``[B, C, H, W]``; what a sampler yields besides is passed over.
        value_range: bounds of the data.
    """

    def __init__(self, shape: tuple[int, ...], value_range: tuple[float, float]) -> None:
        self._shape, self._value_range = shape, value_range
        self._kept: Tensor | None = None  # [states, samples, C, H, W]
        self._count, self._seen, self._stride = 0, 0, 1

    def add(self, state: Tensor) -> None:
        """Take the next state; it is copied if it is to be kept."""
        wanted = self._seen % self._stride == 0
        self._seen += 1
        if not wanted or not isinstance(state, Tensor) or state.shape != self._shape:
            return
        first = state[:SAMPLES].detach()
        if self._kept is None:
            self._kept = first.new_empty((2 * STATES, *first.shape))
        self._kept[self._count] = first
        self._count += 1
        if self._count == 2 * STATES:
            self._kept[:STATES] = self._kept[::2].clone()
            self._count, self._stride = STATES, 2 * self._stride

    def copy(self) -> Snapshots:
        """The same states, to which others can be added."""
        other = copy.copy(self)
        other._kept = None if self._kept is None else self._kept.clone()
        return other

    def images(self, sample: Tensor) -> np.ndarray[Any, Any] | None:
        """The states as images, uint8 ``[samples, states, C, H, W]``; None of fewer than two.

        The last is the sample itself, clamped to the value range. Earlier states lie wider about
        the middle of that range, by their noise, and clamping would leave black and white dots; so
        each is first shrunk towards the middle until the root mean square of all its values'
        distances from there is the sample's. Where the noise is N(0, σ²) on data of spread s this
        divides by √(1 + σ²/s²). States that don't lie wider aren't changed. NaN is shown as the
        middle.

        Args:
            sample: the state yielded last.
        """
        if self._kept is None:
            return None
        kept = self._kept[: self._count]
        if (self._seen - 1) % self._stride:  # the sample isn't among them
            kept = torch.cat([kept, sample[None, :SAMPLES]])
        if len(kept) < 2:
            return None
        places = np.linspace(0, len(kept) - 1, min(STATES, len(kept))).round().astype(int)
        states = kept.cpu()[places].double().transpose(0, 1)
        middle = sum(self._value_range) / 2
        off = (states - middle).nan_to_num()
        spread = off.square().mean((0, 2, 3, 4), keepdim=True).sqrt()
        last = spread[:, -1:]
        shrunk = off * (last / spread.clamp(min=last)).nan_to_num()  # 0/0 where all is the middle
        return to_uint8(middle + shrunk, self._value_range).numpy()
