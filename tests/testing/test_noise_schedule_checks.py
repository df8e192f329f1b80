"""Noise schedules that break a law each, and the checks that must notice."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from scorebench import Context, NoiseSchedule
from scorebench.testing import Outcome, run_checks


@dataclass(frozen=True, kw_only=True)
class Halving(NoiseSchedule):
    """A sound schedule."""

    n: int = 4

    def sigmas(self, context: Context) -> Tensor:
        return 0.5 ** torch.arange(self.n, dtype=torch.float64)


class Increasing(Halving):
    def sigmas(self, context: Context) -> Tensor:
        return super().sigmas(context).flip(0)


class EndingInZero(Halving):
    def sigmas(self, context: Context) -> Tensor:
        return torch.cat([super().sigmas(context)[:-1], torch.zeros(1)])


class InFloat32(Halving):
    def sigmas(self, context: Context) -> Tensor:
        return super().sigmas(context).float()


class WithOneMore(Halving):
    def sigmas(self, context: Context) -> Tensor:
        return 0.5 ** torch.arange(self.n + 1, dtype=torch.float64)


class FollowingThePrecision(Halving):
    def sigmas(self, context: Context) -> Tensor:
        return (super().sigmas(context) / 3).to(context.dtype).double()


class JitteredByTorch(Halving):
    def sigmas(self, context: Context) -> Tensor:
        return super().sigmas(context) * (1 + 1e-9 * torch.rand(1).double())


class JitteredByNumpy(Halving):
    def sigmas(self, context: Context) -> Tensor:
        return super().sigmas(context) * (1 + 1e-9 * np.random.rand())


class JitteredByPython(Halving):
    def sigmas(self, context: Context) -> Tensor:
        return super().sigmas(context) * (1 + 1e-9 * random.random())


class Single(NoiseSchedule):
    def sigmas(self, context: Context) -> Tensor:
        return torch.zeros(1, dtype=torch.float64)


def outcomes(schedule: NoiseSchedule) -> dict[str, Outcome]:
    return {o.check: o for o in run_checks("noise_schedule", schedule)}


def test_a_sound_schedule_passes_everything() -> None:
    found = outcomes(Halving())
    assert len(found) == 4
    assert all(o.passed for o in found.values())
    assert found["valid levels"].message.endswith("from 1 to 0.125")


def test_a_single_level_may_be_zero_and_n_may_be_missing() -> None:
    found = outcomes(Single())
    assert found["valid levels"] == Outcome("valid levels", True, "one level, 0")
    assert found["declared length"].passed is None


@pytest.mark.parametrize(
    ("schedule", "check", "told"),
    [
        (Increasing(), "valid levels", "must strictly decrease"),
        (EndingInZero(), "valid levels", "must be above 0"),
        (InFloat32(), "valid levels", "levels are torch.float32"),
        (WithOneMore(), "declared length", "5, for n = 4"),
        (FollowingThePrecision(), "same levels in any precision", "levels differ"),
        (JitteredByTorch(), "same levels again", "differ under two global random states"),
        (JitteredByNumpy(), "same levels again", "differ"),
        (JitteredByPython(), "same levels again", "differ"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Halving) else None,
)
def test_what_is_broken_is_caught(schedule: NoiseSchedule, check: str, told: str) -> None:
    found = outcomes(schedule)[check]
    assert found.passed is False
    assert told in found.message
