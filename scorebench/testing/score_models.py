"""What holds for every score model, tried on data of its own; see ``blurred_data``."""

from __future__ import annotations

import math
from typing import Any

import torch

from scorebench.running.context import Context
from scorebench.testing.blurred_data import LEVELS, blurred, data_of, noise, spread_of
from scorebench.testing.comparing import company_matters, difference, worst
from scorebench.testing.outcome import Check, Outcome
from scorebench.testing.precision import rounding

ROWS = 6
DRAWS = 4096
SLOPE_TOLERANCE = 1e-5


def shape_and_precision(component: Any, context: Context) -> Outcome:
    """What comes back has the shape, device and precision of x, and is as the model promises.

    σ, ``[]`` or ``[B]``, may come in the precision of the sampler's state instead of the model's.
    """
    problems = []
    for dtype in (torch.float32, torch.float64):
        model = component.load(context.in_precision(dtype))
        x = data_of(model, ROWS)
        if (model.dtype, model.device.type) != (dtype, context.device.type):
            problems.append(f"loaded in {dtype}, the model says {model.dtype} on {model.device}")
        if tuple(x.shape[1:]) != tuple(model.event_shape):
            problems.append(f"draws {list(x.shape[1:])}, but event_shape is {model.event_shape}")
        if model.value_range is not None and not model.value_range[0] < model.value_range[1]:
            problems.append(f"value_range {model.value_range} is empty")
        sigma = next(blurred(model, x))[1]
        for level in (sigma, sigma.expand(ROWS), sigma.double().expand(ROWS)):
            for method in (model.score, model.denoise):
                found = method(x, level)
                kept = found.dtype in (x.dtype, level.dtype) and found.device == x.device
                if found.shape != x.shape or not kept:
                    problems.append(
                        f"{method.__name__} made {found.dtype} {list(found.shape)} on "
                        f"{found.device} of {x.dtype} {list(x.shape)} on {x.device}"
                    )
    told = problems[0] if problems else f"events {list(x.shape[1:])}, in float32 and in float64"
    return Outcome("shape and precision", not problems, told)


def gradient_of_density(component: Any, context: Context) -> Outcome:
    """score(x, σ) = ∇ₓ log p_σ(x), against central differences of ``log_prob``.

    Along three random directions. A mixture's density changes over lengths of σ²/spread where that
    is below σ; a step of 1e-4 of that leaves an error of its square, and of ε over the step.
    """
    check = "gradient of density"
    model = component.load(context.in_precision(torch.float64))
    if not hasattr(model, "log_prob"):
        return Outcome(check, None, "the model has no log_prob to compare its score with")
    data = data_of(model, ROWS)
    spread = spread_of(data)
    source, errors = noise(model, range(ROWS), seed=2), []
    for x, sigma in blurred(model, data):
        step = 1e-4 * (float(sigma) * min(1.0, float(sigma) / spread) or spread / 10)
        x = x[model.log_prob(x, sigma).isfinite()]
        if len(x) == 0:
            return Outcome(check, None, "the density is 0 wherever it was tried")
        score = model.score(x, sigma)
        found, expected = [], []
        for _ in range(3):
            direction = source.normal()[: len(x)]
            direction /= direction.flatten(1).norm(dim=1).reshape(-1, *[1] * (x.ndim - 1))
            ahead = model.log_prob(x + step * direction, sigma)
            behind = model.log_prob(x - step * direction, sigma)
            expected.append((ahead - behind) / (2 * step))
            found.append((score * direction).flatten(1).sum(1))
        errors.append(difference(torch.cat(found), torch.cat(expected)))
    message = f"the score differs from the slope of log_prob by {worst(errors):.1e} of it"
    return Outcome(check, worst(errors) <= SLOPE_TOLERANCE, message)


def tweedie_formula(component: Any, context: Context) -> Outcome:
    """D(x, σ) = x + σ²·score(x, σ) (Robbins 1956; Efron 2011, eq. 1.4): both say the same."""
    model = component.load(context)
    errors = []
    for x, sigma in blurred(model, data_of(model, ROWS)):
        denoised = model.denoise(x, sigma)
        error = (x + sigma**2 * model.score(x, sigma) - denoised).abs().max()
        size = (denoised - x).abs().max() + rounding(model.dtype) * x.abs().max()
        errors.append(float(error / size))
    message = f"x + σ²·score differs from denoise by {worst(errors):.1e} of the way from x to it"
    return Outcome("tweedie formula", worst(errors) <= rounding(model.dtype), message)


def posterior_mean(component: Any, context: Context) -> Outcome:
    """D(x, σ) = E[x₀ | x]: what it leaves of exact draws is uncorrelated with 1, with x and with D.

    Means over N draws may differ from 0 by Bernstein's bound (Maurer & Pontil 2009, theorem 4):
    5·std/√N, five standard errors, and 29·range/N for events too rare to be among the draws; the
    range is that of the data. What D loses to rounding comes on top.
    """
    check, model = "posterior mean", component.load(context)
    if not hasattr(model, "draw"):
        return Outcome(check, None, "the model can't draw samples to try its denoiser on")
    data = data_of(model, DRAWS)
    flat = data.flatten(1).double()
    extent = flat.amax(0) - flat.amin(0)
    ratios = []
    for x, sigma in blurred(model, data):
        if sigma == 0:
            return Outcome(check, None, "the model is defined at σ = 0 alone, where D(x, 0) = x")
        seen, denoised = x.flatten(1).double(), model.denoise(x, sigma).flatten(1).double()
        lost = rounding(model.dtype) * seen.abs().max()
        for partner in (torch.ones_like(seen), seen, denoised):
            product = (flat - denoised) * partner
            size = partner.square().mean(0).sqrt()
            allowed = 5 * product.std(0) / math.sqrt(DRAWS) + size * (29 * extent / DRAWS + lost)
            ratios.append(float((product.mean(0).abs() / allowed).max()))
    message = (
        f"{DRAWS} draws less D(x, σ) correlate with 1, x and D by {worst(ratios):.2f} of what "
        "chance allows"
    )
    return Outcome(check, worst(ratios) <= 1, message)


def level_for_each_sample(component: Any, context: Context) -> Outcome:
    """Noise levels ``[B]`` give each row what its own level ``[]`` gives it."""
    model = component.load(context)
    cases = list(blurred(model, data_of(model, len(LEVELS))))
    x = torch.stack([x[i] for i, (x, _) in enumerate(cases)])
    levels = torch.stack([sigma for _, sigma in cases])
    errors = []
    for method in (model.score, model.denoise):
        for row, sigma, found in zip(x, levels, method(x, levels), strict=True):
            errors.append(difference(found, method(row[None], sigma)[0]))
    message = f"a level for each sample and one for all differ by at most {worst(errors):.1e}"
    return Outcome("level for each sample", worst(errors) <= rounding(model.dtype), message)


def batch_invariance(component: Any, context: Context) -> Outcome:
    """A row doesn't depend on the batch it is in: no sample knows its neighbours."""
    model = component.load(context)
    errors = [
        company_matters(lambda index, x=x, m=method, s=sigma: m(x[index], s), ROWS)  # type: ignore[misc]
        for x, sigma in blurred(model, data_of(model, ROWS))
        for method in (model.score, model.denoise)
    ]
    message = (
        f"alone, in a batch and among shuffled neighbours: differs by at most {worst(errors):.1e}"
    )
    return Outcome("batch invariance", worst(errors) <= rounding(model.dtype), message)


def no_trace(component: Any, context: Context) -> Outcome:
    """x and σ are left as they were, and no autograd graph is kept, also outside ``no_grad``.

    A graph would hold every state of a trajectory in memory.
    """
    model = component.load(context)
    x, sigma = next(blurred(model, data_of(model, ROWS)))
    before, level = x.clone(), sigma.clone()
    problems = []
    with torch.enable_grad():
        for method in (model.score, model.denoise):
            if method(x, sigma).requires_grad:
                problems.append(f"{method.__name__} leaves an autograd graph")
            if not (torch.equal(x, before) and torch.equal(sigma, level)):
                problems.append(f"{method.__name__} changes its input")
    told = problems[0] if problems else "the input is untouched and no autograd graph is left"
    return Outcome("no trace", not problems, told)


def finite_everywhere(component: Any, context: Context) -> Outcome:
    """Score and denoiser are finite at tiny and huge σ and far from the data, in any precision.

    A sampler may be swept to a step size that throws its state far out; it should come back or
    diverge by its own fault.
    """
    problems = []
    for dtype in (torch.float32, torch.float64):
        model = component.load(context.in_precision(dtype))
        data = data_of(model, ROWS)
        for x, sigma in blurred(model, data):
            for away in (1, 1e3):
                for factor in (1e-2, 1, 1e2):
                    for method in (model.score, model.denoise):
                        if not method(x * away, sigma * factor).isfinite().all():
                            problems.append(
                                f"{method.__name__} isn't finite at σ = {sigma * factor:.1e}, "
                                f"|x| up to {(x * away).abs().max():.1e}, in {dtype}"
                            )
    told = problems[0] if problems else "finite at σ from 5e-4 to 2e3 and x to 1e3 of the spread"
    return Outcome("finite everywhere", not problems, told)


def exact_draws(component: Any, context: Context) -> Outcome:
    """``draw`` gives ``[count, *event]``, the same from the same noise, and sample i from row i.

    So exact samples can be compared with a sampler's on common random numbers.
    """
    check, model = "exact draws", component.load(context)
    if not hasattr(model, "draw"):
        return Outcome(check, None, "the model can't draw samples")
    seven, again = data_of(model, 7), data_of(model, 7)
    if tuple(seven.shape) != (7, *model.event_shape) or seven.dtype != model.dtype:
        return Outcome(check, False, f"seven draws are {seven.dtype} {list(seven.shape)}")
    if not torch.equal(seven, again):
        return Outcome(check, False, "the same noise gives other draws the second time")
    parts = torch.cat([model.draw(len(r), noise(model, r)) for r in (range(3), range(3, 7))])
    error = difference(parts, seven)
    message = f"seven draws, and the same in batches of three and four: differ by {error:.1e}"
    return Outcome(check, error <= rounding(model.dtype), message)


CHECKS: tuple[Check, ...] = (
    shape_and_precision,
    gradient_of_density,
    tweedie_formula,
    posterior_mean,
    level_for_each_sample,
    batch_invariance,
    no_trace,
    finite_everywhere,
    exact_draws,
)
