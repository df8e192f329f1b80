"""What a network learns from: a dataset in a model's units, or draws from a known model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from scorebench.errors import UserError
from scorebench.plugin.contracts import ScoreModel
from scorebench.running.context import Context
from scorebench.running.noise import SeededNoise
from scorebench.train.config import TrainingConfig

BLOCK = 4096


@dataclass(frozen=True)
class TrainingData:
    """Samples on the device, and what is known of them.

    Attributes:
        x: ``[N, *event]``; images as uint8, to be scaled batch by batch.
        value_range: bounds in the model's units, None where unbounded.
        target: the model that x was drawn from, where that is known.
    """

    x: Tensor
    value_range: tuple[float, float] | None
    target: ScoreModel | None

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(self.x.shape[1:])

    def draw(self, count: int) -> Tensor:
        """Samples chosen with replacement by torch's global random numbers, ``[count, *event]``."""
        return self._scaled(self.x[torch.randint(len(self.x), (count,), device=self.x.device)])

    def spread(self) -> float:
        """The standard deviation of all values about their mean, in the model's units."""
        total = squares = 0.0
        for block in torch.split(self.x, BLOCK):
            values = self._scaled(block).double()
            total += float(values.sum())
            squares += float(values.square().sum())
        mean = total / self.x.numel()
        return math.sqrt(max(squares / self.x.numel() - mean**2, 0.0))

    def _scaled(self, x: Tensor) -> Tensor:
        if x.dtype != torch.uint8:
            return x
        assert self.value_range is not None
        low, high = self.value_range
        return low + (high - low) / 255 * x.float()


def load_data(config: TrainingConfig, context: Context) -> TrainingData:
    """Load the dataset, or draw from the target, onto the context's device.

    Raises:
        UserError: it can't be loaded, is empty, or holds values that aren't finite; the target
            can't draw samples.
    """
    if config.target is None:
        assert config.dataset is not None
        data = context.dataset(config.dataset.spec)
        if len(data) == 0:
            raise UserError(f"{config.path}: dataset {config.dataset.name} is empty")
        x, target = data.x[0 : len(data)].to(context.device), None
        images = x.dtype == torch.uint8
        value_range = config.file.value_range if images else data.value_range
        x = x if images else x.to(context.dtype)
    else:
        target = config.target.component.load(context)
        x, value_range = _drawn(config, target), target.value_range
    if x.is_floating_point() and not bool(x.isfinite().all()):
        raise UserError(f"{config.path}: the data hold values that aren't finite")
    return TrainingData(x, value_range, target)


def _drawn(config: TrainingConfig, target: ScoreModel) -> Tensor:
    draw = getattr(target, "draw", None)
    if draw is None:
        assert config.target is not None
        raise UserError(f"{config.path}: target {config.target.name} can't draw samples")
    generator = SeededNoise.generator(config.file.seed, "training data")
    shape = (config.file.draws, *target.event_shape)
    noise = SeededNoise(generator, shape, device=target.device, dtype=target.dtype)
    x: Tensor = draw(config.file.draws, noise)
    return x
