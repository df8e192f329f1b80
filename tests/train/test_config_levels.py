"""Noise levels that a config asks for, and that can't be learned at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scorebench import UserError
from scorebench.train import Training

Train = Callable[..., Training]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["objective=dsm"], "schedule geometric: dsm takes a single noise level, not 4; see ncsn"),
        (
            ["objective=dsm", "schedule={name: constant, sigma: 0}"],
            "schedule constant: at σ = 0 there is no noise to learn from; see implicit and sliced",
        ),
        (
            ["objective=implicit", "schedule={name: constant, sigma: 0}"],
            "schedule constant: σ = 0 needs preconditioning: none",
        ),
        (
            ["objective=sliced", "schedule={name: constant, sigma: 0}", "preconditioning=none"],
            "schedule constant: at σ = 0 that weighting makes the loss 0; give the objective "
            "weighting: none",
        ),
        (["preview.sampler={name: langevin, step_size: 1, steps: 2}"], "preview: langevin"),
    ],
)
def test_noise_levels_that_do_not_fit(
    settings: list[str], told: str, training_of: Train, small_training: dict[str, Any]
) -> None:
    training = training_of(small_training, *settings)
    with pytest.raises(UserError) as caught:
        training.run()
    assert str(caught.value).startswith(f"{training.config.path}: {told}")
    assert not training.folder.exists()


def test_levels_too_large_for_float32_are_told(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    training = training_of(small_training, "schedule.sigma_max=1e30")
    with pytest.raises(UserError, match=r"σ = 1e\+30 is too large to be squared in torch.float32"):
        training.run()
