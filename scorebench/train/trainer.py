"""Weights on their way: the optimiser's step, the moving average, and both as named tensors."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from scorebench.train.config import Optimiser, TrainingFile
from scorebench.train.criteria import Batch, Criterion
from scorebench.train.preconditioning import LearnedField


class Trainer:
    """A network that learns.

    Attributes:
        field: what is trained.
        average: the exponential moving average of its weights, which is what samples well (Song &
            Ermon 2020, technique 5). Early on the average is a shorter one, (1 + n)/(10 + n) after
            n steps instead of ``ema``, so that it forgets the start.

    Args:
        field: the network inside its preconditioning.
        criterion: the objective.
        file: its optimiser, moving average and number of steps.
    """

    def __init__(self, field: LearnedField, criterion: Criterion, file: TrainingFile) -> None:
        self.field, self.average = field.train(), copy.deepcopy(field).eval().requires_grad_(False)
        self.criterion, self.file = criterion, file
        self._weights = list(field.parameters())
        self._averages = list(self.average.parameters())
        self._optimiser = _optimiser(file.optimiser, self._weights)

    def step(self, step: int, batch: Batch) -> Tensor:
        """One step of descent, the ``step``-th from 0; the loss of every sample per dimension."""
        losses = self.criterion.losses(self.field, batch) / batch.x0[0].numel()
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(losses.mean())
        if self.file.optimiser.clip is not None:
            nn.utils.clip_grad_norm_(self._weights, self.file.optimiser.clip)
        for group in self._optimiser.param_groups:
            group["lr"] = self.learning_rate(step)
        self._optimiser.step()
        decay = min(self.file.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
            average(self._averages, self._weights, step)
        return losses.detach()

    def learning_rate(self, step: int) -> float:
        """The learning rate at a step: risen linearly, then constant or along half a cosine."""
        how = self.file.optimiser
        rate = how.learning_rate * min(1.0, (step + 1) / max(1, how.warmup))
        if how.decay == "cosine":
            rate *= (1 + math.cos(math.pi * step / self.file.steps)) / 2
        return rate

    @torch.no_grad()
    def is_sound(self, batch: Batch) -> bool:
        """Whether weights, and scores by them and by their average, are finite; waits."""
        found = [w.sum() for w in self._weights]
        found += [f.score(batch.noisy, batch.sigma).sum() for f in (self.field, self.average)]
        return bool(torch.stack(found).isfinite().all())

    def tensors(self) -> dict[str, Tensor]:
        """All that is needed to go on from here."""
        found = {f"weights.{n}": t for n, t in self.field.state_dict().items()}
        found |= {f"average.{n}": t for n, t in self.average.state_dict().items()}
        for index, moments in self._optimiser.state_dict()["state"].items():
            for name, value in moments.items():
                if isinstance(value, Tensor):
                    found[f"optimiser.{index}.{name}"] = value
        return found

    def go_on_from(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what ``tensors`` gave.

        Raises:
            RuntimeError: the tensors are those of another network.
        """
        for part, module in (("weights.", self.field), ("average.", self.average)):
            own = {n.removeprefix(part): t for n, t in tensors.items() if n.startswith(part)}
            module.load_state_dict(own)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            part, index, moment = (*name.split(".", 2), "", "")[:3]
            if part == "optimiser":
                moments.setdefault(int(index), {})[moment] = value
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": moments, "param_groups": groups})


def _optimiser(how: Optimiser, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
    rate, decay = how.learning_rate, how.weight_decay
    match how.name:
        case "adam":
            return torch.optim.Adam(weights, rate, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(weights, rate, weight_decay=decay, fused=True)
        case "sgd":
            return torch.optim.SGD(weights, rate, momentum=0.9, weight_decay=decay, fused=True)
