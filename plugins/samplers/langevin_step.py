"""One step of Langevin dynamics, in either of the two published conventions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Convention, Noise


def langevin_factors(step_size: float, convention: Convention) -> tuple[float, float]:
    """What multiplies the score and the noise in a step of size η.

    ``half``: η/2 and √η (Song & Ermon 2019, eq. 4; Welling & Teh 2011).
    ``full``: η and √(2η) (the same step for η half as large; the code of Song & Ermon 2020).
    """
    drift = step_size / 2 if convention == "half" else step_size
    return drift, math.sqrt(2 * drift)


def langevin_step(
    x: Tensor,
    score: Tensor,
    noise: Noise,
    step_size: float,
    convention: Convention,
    noise_scale: float,
) -> Tensor:
    """The state after one step from x ``[B, *event]``, with z ~ N(0, I).

    ``noise_scale`` multiplies z; at 0 no number is drawn and the step is gradient ascent.
    """
    drift, diffusion = langevin_factors(step_size, convention)
    x = x + drift * score
    return x + noise_scale * diffusion * noise.normal() if noise_scale else x
