"""The walk of ``walks`` as other libraries take it, each with the least that adapts the model.

They are imported when asked for, so that one that isn't installed can be left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from benchmarks.walks import Draw, Walk


def azula(walk: Walk, sampler: str, times: int) -> Draw:
    """azula's samplers; for DPM-Solver++(2M) its exponential Adams–Bashforth of order 2 in D.

    As many steps, but the last ends at the smallest level rather than at 0. The adapter is a
    method call and azula's posterior object around the answer.
    """
    from azula.denoise import DiracPosterior
    from azula.noise import VESchedule
    from azula.sample import EulerSampler, xEABSampler

    class Denoiser:
        schedule = VESchedule(float(walk.sigmas[-1]), float(walk.sigmas[0]))

        def __call__(self, x: Tensor, t: Tensor) -> DiracPosterior:
            return DiracPosterior(walk.model.denoise(x, t))

    kind = {"euler": EulerSampler, "dpmpp_2m": xEABSampler}[sampler]
    built = kind(Denoiser(), steps=len(walk.sigmas), silent=True)

    def draw() -> Tensor:
        x: Tensor = built(walk.sigmas[0] * walk.z)
        return x

    return draw


def diffusers(walk: Walk, sampler: str, times: int) -> Draw:
    """diffusers' schedulers, called as its pipelines do; no adapter: the model predicts the data.

    A scheduler must be set anew before each of the ``times`` draws. This is done beforehand, so
    that it isn't timed. Its levels are those of its own noise schedule, as many of them.
    """
    from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler

    kind: Any = {"euler": EulerDiscreteScheduler, "dpmpp_2m": DPMSolverMultistepScheduler}[sampler]
    ready = [kind(prediction_type="sample", use_exponential_sigmas=True) for _ in range(times)]
    for scheduler in ready:
        scheduler.set_timesteps(len(walk.sigmas))
        scheduler.set_begin_index(0)

    def draw() -> Tensor:
        scheduler = ready.pop()
        x = walk.sigmas[0] * walk.z
        for t in scheduler.timesteps:
            denoised = walk.model.denoise(scheduler.scale_model_input(x, t), t)
            x = scheduler.step(denoised, t, x, return_dict=False)[0]
        return x

    return draw


PEERS: dict[str, Callable[[Walk, str, int], Draw]] = {"azula": azula, "diffusers": diffusers}
