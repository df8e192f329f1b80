"""The noise levels that a config asks for, checked against what it wants to learn at them."""

from __future__ import annotations

from torch import Tensor

from scorebench.errors import UserError
from scorebench.running.context import Context
from scorebench.running.sampling import check_sigmas
from scorebench.suite.resolve import Chosen
from scorebench.train.config import TrainingConfig
from scorebench.train.criteria import DSM, EDM
from scorebench.train.noise_levels import Listed, LogNormal, NoiseLevels


def training_levels(config: TrainingConfig, context: Context) -> NoiseLevels:
    """Where a config takes σ from, on the context's device.

    Raises:
        UserError: the schedule's levels are unusable, or the objective is undefined at them.
    """
    criterion = config.criterion
    if isinstance(criterion, EDM):
        return LogNormal(criterion.mean, criterion.std, context.device, context.dtype)
    assert config.schedule is not None
    sigmas, told = _sigmas(config, config.schedule, "schedule", context), None
    if isinstance(criterion, DSM) and len(sigmas) > 1:
        told = f"dsm takes a single noise level, not {len(sigmas)}; see ncsn"
    elif sigmas[-1] == 0 and criterion.regresses_on_noise:
        told = "at σ = 0 there is no noise to learn from; see implicit and sliced"
    elif sigmas[-1] == 0 and config.file.preconditioning != "none":
        told = "σ = 0 needs preconditioning: none"
    elif sigmas[-1] == 0 and getattr(criterion, "weighting", "none") != "none":
        told = "at σ = 0 that weighting makes the loss 0; give the objective weighting: none"
    elif not (sigmas.to(context.dtype) ** 2).isfinite().all():
        told = f"σ = {float(sigmas[0]):g} is too large to be squared in {context.dtype}"
    if told is not None:
        raise UserError(f"{config.path}: schedule {config.schedule.name}: {told}")
    return Listed(sigmas.to(context.device, context.dtype))


def preview_levels(config: TrainingConfig, context: Context) -> Tensor | None:
    """What the preview's samples are drawn down, float64 ``[n]``.

    None for a training at a single level whose config names no schedule for the preview.

    Raises:
        UserError: the levels are unusable, or the sampler can't walk down them.
    """
    schedule = config.preview_schedule or config.schedule
    assert schedule is not None
    sigmas = _sigmas(config, schedule, "preview: schedule", context)
    if config.preview_schedule is None and len(sigmas) == 1:
        return None
    try:
        config.preview_sampler.component.nfe(len(sigmas))
    except ValueError as error:
        raise UserError(f"{config.path}: preview: {error}") from None
    return sigmas


def _sigmas(config: TrainingConfig, schedule: Chosen, where: str, context: Context) -> Tensor:
    try:
        sigmas: Tensor = schedule.component.sigmas(context)
        check_sigmas(sigmas)
    except (UserError, ValueError) as error:
        raise UserError(f"{config.path}: {where} {schedule.name}: {error}") from None
    return sigmas
