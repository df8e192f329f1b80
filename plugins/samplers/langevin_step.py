"""One step of Langevin dynamics, in either of the two published conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Convention, Noise


def langevin_step(
    x: Tensor,
    score: Tensor,
    noise: Noise,
    step_size: float,
    convention: Convention,
    noise_scale: float,
) -> Tensor:
    """The state after one step of size η from x ``[B, *event]``, with z ~ N(0, I).

    ``half``: x + (η/2)·s + √η·z (Song & Ermon 2019, eq. 4; Welling & Teh 2011).
    ``full``: x + η·s + √(2η)·z (the same step for η half as large; the code of Song & Ermon 2020).
    ``noise_scale`` multiplies z; at 0 no number is drawn and the step is gradient ascent.
    """
    eta = step_size if convention == "half" else 2 * step_size
    x = x + (eta / 2) * score
    return x + (noise_scale * eta**0.5) * noise.normal() if noise_scale else x
