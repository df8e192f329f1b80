"""Seeding torch's global random numbers once a step, fast."""

from __future__ import annotations

import torch


def reseed(device: torch.device, seed: int) -> None:
    """Seed the generators of the CPU and of ``device``, as ``torch.manual_seed`` does for all.

    That one asks for every kind of device there may be, which takes 80 µs, about as long as the
    rest of what surrounds a small network's step.

    Args:
        device: of the tensors that are drawn.
        seed: in [0, 2⁶³).
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
